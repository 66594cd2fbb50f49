"""Noise on the pretend device: the same as on a CPU, unawaited."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from envs.counting import CountingConfig
from envs.noise.config import NoisyConfig
from envs.noise.frame_layer import FrameLayerConfig
from envs.noise.no_op_patterns import NoOpPatternsConfig
from envs.noise.persistive import PersistiveConfig
from envs.noise.pictures import ChannelsConfig
from envs.noise.sticky import StickyConfig
from envs.noise.tv import TvConfig
from envs.noise.world_noise import WorldNoiseConfig
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda

NOISES: list[WorldNoiseConfig] = [
    TvConfig(),
    TvConfig(ChannelsConfig()),
    FrameLayerConfig(),
    NoOpPatternsConfig(),
    PersistiveConfig(),
    StickyConfig(),
]


def played(noise: WorldNoiseConfig, device: str) -> tuple[list[Tensor], list[Crossing]]:
    """Frames and facts over some episodes, and what crossed after the first steps."""
    with pretend_cuda() if device == "cuda" else nullcontext() as pretend:
        env = NoisyConfig(CountingConfig(), noise).build(4, device)
        rows = [env.reset(seed=0)]
        actions = [torch.full((4,), i, device=device) for i in (0, 5, 1)]
        if not isinstance(noise, TvConfig):
            actions[1] = actions[1] - 2
        rows += [env.step(actions[t % 3]) for t in range(4)]
        if pretend is not None:
            pretend.crossings.clear()
        rows += [env.step(actions[t % 3]) for t in range(10)]
        crossings = [] if pretend is None else list(pretend.crossings)
        shown = [x.cpu() for row in rows for x in (row.obs, *row.facts.values())]
        return shown, crossings


@pytest.mark.parametrize("noise", NOISES, ids=str)
def test_rows_equal_those_of_a_cpu_and_nobody_waits(noise: WorldNoiseConfig) -> None:
    found, crossings = played(noise, "cuda")
    wanted, _ = played(noise, "cpu")
    torch.testing.assert_close(found, wanted)
    assert crossings == []
