"""Actions stick as often as they should, and never over the end of an episode."""

import pytest
import torch

from envs.noise.noisy_env import NoisyVectorEnv
from envs.noise.sticky import StickyConfig
from envs.vector_env import ContinuousActions, VectorEnv
from tests.envs.noise.echo import echo

B, STEPS = 40, 120


def sticky(world: VectorEnv, probability: float) -> NoisyVectorEnv:
    return NoisyVectorEnv(world, StickyConfig(probability).build(world.spec))


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_what_was_done_is_done_again(
    probability: float, generator: torch.Generator
) -> None:
    """Beside a loop over envs that goes by what is told; the shares are p."""
    env = sticky(echo(B), probability)
    env.reset(seed=0)
    latest: list[int | None] = [None] * B
    could, did = 0, 0
    by_env = torch.zeros(B)
    for action in torch.randint(4, (STEPS, B), generator=generator):
        row = env.step(action)
        for i in range(B):
            stuck = bool(row.facts["stuck"][i])
            if row.first[i]:
                assert not stuck
                latest[i] = None
                continue
            if latest[i] is None:
                assert not stuck
            else:
                could, did = could + 1, did + stuck
                by_env[i] += stuck
            latest[i] = latest[i] if stuck else int(action[i])
            assert row.facts["did"][i] == latest[i]
    spread = (probability * (1 - probability) / could) ** 0.5
    assert abs(did / could - probability) <= 5 * spread
    if 0 < probability < 1:
        assert len(by_env.unique()) > 5  # draws of their own


def test_vectors_stick_whole(generator: torch.Generator) -> None:
    space = ContinuousActions((-1.0, -1.0), (1.0, 1.0))
    env = sticky(echo(B, actions=space), 0.5)
    env.reset(seed=0)
    before = torch.zeros(B, 2)
    some = 0
    for _ in range(20):
        action = 2 * torch.rand(B, 2, generator=generator) - 1
        row = env.step(action)
        stuck = row.facts["stuck"].bool()
        live = ~row.first
        expected = torch.where(stuck[:, None], before, action)
        assert torch.allclose(row.facts["did"][live], expected[live])
        before, some = expected, some + int(stuck.sum())
    assert some > B


def test_a_share_is_a_share() -> None:
    with pytest.raises(ValueError, match="probability must be 0 … 1, not -1"):
        StickyConfig(-1.0)
