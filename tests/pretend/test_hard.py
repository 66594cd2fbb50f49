"""Halls on the pretend device: as on a CPU; the physics alone are awaited."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from envs.mujoco.hard.config import HallConfig
from tests.envs.mujoco.hard.played import TASKS
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda


def played(config: HallConfig, device: str) -> tuple[list[Tensor], list[Crossing]]:
    """What halls show, and what crossed in steps."""
    with pretend_cuda() if device == "cuda" else nullcontext() as pretend:
        env = config.build(3, device)
        rows = [env.reset(seed=0)]
        env.step(torch.full((3,), 1, device=device))
        if pretend is not None:
            pretend.crossings.clear()
        rows += [env.step(torch.full((3,), x % 4, device=device)) for x in range(6)]
        crossings = [] if pretend is None else list(pretend.crossings)
        facts = [x for row in rows for x in row.facts.values()]
        return [x.cpu() for x in [*(row.obs for row in rows), *facts]], crossings


@pytest.mark.parametrize("task", TASKS)
def test_rows_equal_those_of_a_cpu(task: str) -> None:
    found, crossings = played(TASKS[task], "cuda")
    wanted, _ = played(TASKS[task], "cpu")
    torch.testing.assert_close(found, wanted)
    awaited = [x for x in crossings if x.awaited]
    physics = [x for x in awaited if "envs/mujoco/threads.py" in x.where]
    assert len(physics) >= 6
    assert physics == awaited
