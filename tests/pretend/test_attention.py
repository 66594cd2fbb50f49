"""The attention world on the pretend device: the same as on a CPU, and unawaited."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from envs.attention.config import AttentionConfig
from envs.behaviours.groups import Animate, Company
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda

CONFIGS = [
    AttentionConfig(animate, stochastic, company, 0.3, pixels, max_episode_steps=4)
    for animate in Animate
    for stochastic, company, pixels in (
        (False, Company.MIXTURE, 12),
        (True, Company.NOISE, 0),
    )
]


def played(config: AttentionConfig, device: str) -> tuple[list[Tensor], list[Crossing]]:
    """What worlds show, then copies of them, and what crossed in steps."""
    with pretend_cuda() if device == "cuda" else nullcontext() as pretend:
        env = config.build(4, device)
        rows = [env.reset(seed=0)]
        action = torch.full((4,), 5, device=device)
        env.step(action)
        if pretend is not None:
            pretend.crossings.clear()
        rows += [env.step(action) for _ in range(8)]
        crossings = [] if pretend is None else list(pretend.crossings)
        watching = config.watching(env, seed=0)
        action = torch.full((16,), 5, device=device)
        watching.step(action)
        if pretend is not None:
            pretend.crossings.clear()
        rows += [watching.step(action) for _ in range(5)]
        crossings += [] if pretend is None else list(pretend.crossings)
        vectors = [row.vector for row in rows if row.vector is not None]
        facts = [x for row in rows for x in row.facts.values()]
        shown = [*[row.obs for row in rows], *vectors, *facts]
        return [x.cpu() for x in shown], crossings


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_rows_equal_those_of_a_cpu_and_nobody_waits(config: AttentionConfig) -> None:
    found, crossings = played(config, "cuda")
    wanted, _ = played(config, "cpu")
    torch.testing.assert_close(found, wanted)
    assert crossings == []
