"""Rooms on the pretend device: as on a CPU; the physics alone are awaited."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from envs.mujoco.rooms.config import RoomsConfig
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda

CONFIGS = [
    RoomsConfig(pixels=0, tv=True, max_episode_steps=4, layouts=3),
    RoomsConfig(pixels=8, depth=True),
]


def played(config: RoomsConfig, device: str) -> tuple[list[Tensor], list[Crossing]]:
    """What rooms show, and what crossed in steps."""
    with pretend_cuda() if device == "cuda" else nullcontext() as pretend:
        env = config.build(3, device)
        rows = [env.reset(seed=0)]
        action = torch.full((3,), 1, device=device)
        env.step(action)
        if pretend is not None:
            pretend.crossings.clear()
        rows += [env.step(action) for _ in range(6)]
        crossings = [] if pretend is None else list(pretend.crossings)
        facts = [x for row in rows for x in row.facts.values()]
        return [x.cpu() for x in [*(row.obs for row in rows), *facts]], crossings


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_rows_equal_those_of_a_cpu(config: RoomsConfig) -> None:
    found, crossings = played(config, "cuda")
    wanted, _ = played(config, "cpu")
    torch.testing.assert_close(found, wanted)
    awaited = [x for x in crossings if x.awaited]
    physics = [x for x in awaited if "envs/mujoco/threads.py" in x.where]
    assert len(physics) >= 6
    if not config.pixels:
        assert physics == awaited
