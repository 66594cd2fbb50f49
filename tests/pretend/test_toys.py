"""Dots before backgrounds on the pretend device: the same as on a CPU, unawaited."""

from contextlib import nullcontext
from itertools import product

import pytest
import torch
from torch import Tensor

from envs.toys.backgrounds import NamedBackgrounds
from envs.toys.moving_dot import MovingDotConfig
from envs.toys.scene import NoiseConfig
from envs.toys.three_dots import ThreeDotsConfig
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda

WORLDS = [
    config(NoiseConfig(name, 1.0, changing), max_episode_steps=3)
    for config, name, changing in product(
        (MovingDotConfig, ThreeDotsConfig), NamedBackgrounds, (True, False)
    )
]


def played(
    config: MovingDotConfig | ThreeDotsConfig, device: str
) -> tuple[list[Tensor], list[Crossing]]:
    """Frames and facts over three episodes, and what crossed after the first steps."""
    with pretend_cuda() if device == "cuda" else nullcontext() as pretend:
        env = config.build(4, device)
        rows = [env.reset(seed=0)]
        action = torch.full((4, 2), 0.3, device=device)
        rows += [env.step(action) for _ in range(4)]
        if pretend is not None:
            pretend.crossings.clear()
        rows += [env.step(-action) for _ in range(6)]
        crossings = [] if pretend is None else list(pretend.crossings)
        shown = [x.cpu() for row in rows for x in (row.obs, *row.facts.values())]
        return shown, crossings


@pytest.mark.parametrize("config", WORLDS, ids=str)
def test_rows_equal_those_of_a_cpu_and_nobody_waits(
    config: MovingDotConfig | ThreeDotsConfig,
) -> None:
    found, crossings = played(config, "cuda")
    wanted, _ = played(config, "cpu")
    torch.testing.assert_close(found, wanted)
    assert crossings == []
