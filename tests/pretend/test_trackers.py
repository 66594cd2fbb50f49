"""The tracker maze on the pretend device: the same as on a CPU, and unawaited."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from envs.tiles.trackers.config import TrackerMazeConfig
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda

CONFIGS = [
    TrackerMazeConfig(max_episode_steps=4),
    TrackerMazeConfig(movers=3, shared=False, pixels=0, max_episode_steps=4),
    TrackerMazeConfig(movers=8, pixels=10, max_episode_steps=4),
]


def played(
    config: TrackerMazeConfig, device: str
) -> tuple[list[Tensor], list[Crossing]]:
    """All that worlds show over two episodes, and what crossed after a first step."""
    with pretend_cuda() if device == "cuda" else nullcontext() as pretend:
        env = config.build(4, device)
        rows = [env.reset(seed=0)]
        action = torch.full((4,), 4, device=device)
        rows.append(env.step(action))
        if pretend is not None:
            pretend.crossings.clear()
        rows += [env.step(action) for _ in range(9)]
        crossings = [] if pretend is None else list(pretend.crossings)
        vectors = [row.vector for row in rows if row.vector is not None]
        facts = [x for row in rows for x in row.facts.values()]
        return [x.cpu() for x in (*[row.obs for row in rows], *vectors, *facts)], (
            crossings
        )


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_rows_equal_those_of_a_cpu_and_nobody_waits(config: TrackerMazeConfig) -> None:
    found, crossings = played(config, "cuda")
    wanted, _ = played(config, "cpu")
    torch.testing.assert_close(found, wanted)
    assert crossings == []
