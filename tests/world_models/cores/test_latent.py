"""The core that adds nothing."""

import pytest
import torch

from world_models.cores.core import CoreConfig
from world_models.cores.latent import LatentCoreConfig


def test_the_belief_is_the_latent(generator: torch.Generator) -> None:
    """Both signs of it, and nothing of actions, episodes or the past."""
    config: CoreConfig = LatentCoreConfig()
    assert config.num_frames == 1
    core = config.build(5, 6)
    assert (core.size, core.memory_size) == (5, 0)
    assert not list(core.parameters())
    latent = torch.randn(4, 3, 5, generator=generator)
    first = torch.rand(4, 3, generator=generator) < 0.5
    memory = torch.zeros(3, 0)
    for action in (torch.zeros(4, 3, 6), torch.ones(4, 3, 6)):
        belief, after = core(latent, action, first, memory)
        assert torch.equal(belief, latent)
        assert (belief < 0).any()
        assert after is memory


@pytest.mark.parametrize("num", [0, -1])
def test_there_is_a_frame_at_least(num: int) -> None:
    with pytest.raises(ValueError, match=f"num_frames must be at least 1, not {num}"):
        LatentCoreConfig(num)
