"""The walk of every pixel, beside one that is written out."""

import pytest
import torch

from envs.noise.noisy_env import NoisyVectorEnv
from envs.noise.persistive import PersistiveConfig
from envs.vector_env import ContinuousActions
from tests.envs.noise.echo import echo

B, STEPS = 5, 40
SPEC = echo(B).spec


def test_steps_are_short_and_long_by_the_parity_of_the_action(
    generator: torch.Generator,
) -> None:
    world = echo(B, grey=0)
    env = NoisyVectorEnv(world, PersistiveConfig(vector_strength=24.5).build(SPEC))
    chosen = torch.randint(4, (STEPS, B), generator=generator)
    before, ups, num = env.reset(seed=0), 0, 0
    assert before.obs.unique().tolist() == list(range(50))
    assert not before.facts["noise"].any()
    for action in chosen:
        row = env.step(action)
        for i in range(B):
            assert before.vector is not None
            assert row.vector is not None
            now = [*row.obs[i].flatten().tolist(), *(row.vector[i] + 24.5).tolist()]
            then = [
                *before.obs[i].flatten().tolist(),
                *(before.vector[i] + 24.5).tolist(),
            ]
            way = {round(x - y) % 50 for x, y in zip(now, then, strict=True)}
            if row.first[i]:
                assert way == {0}
            elif action[i] % 2 == 0:
                assert way == {1, 49}
            else:
                assert way == {11, 39}
            assert row.facts["noise"][i] == (not row.first[i])
            ups += sum(
                round(x - y) % 50 in (1, 11) for x, y in zip(now, then, strict=True)
            )
            num += len(now) * (not row.first[i])
        before = row
    assert abs(ups / num - 0.5) < 5 * 0.5 / num**0.5


def test_what_is_bright_is_clipped_at_white() -> None:
    dark = NoisyVectorEnv(echo(B, grey=0), PersistiveConfig().build(SPEC))
    bright = NoisyVectorEnv(echo(B, grey=230), PersistiveConfig().build(SPEC))
    walk, seen = dark.reset(seed=2).obs.long(), bright.reset(seed=2).obs.long()
    assert torch.equal(seen, (230 + walk).clamp(max=255))
    assert (seen == 255).any()


def test_envs_walk_by_themselves() -> None:
    env = NoisyVectorEnv(echo(B, grey=0), PersistiveConfig().build(SPEC))
    env.reset(seed=2)
    rows = [env.step(torch.zeros(B, dtype=torch.int64)).obs for _ in range(3)]
    assert len(rows[-1].flatten(1).unique(dim=0)) == B


def test_it_needs_actions_with_a_parity() -> None:
    spec = echo(2, actions=ContinuousActions((-1.0,), (1.0,))).spec
    with pytest.raises(ValueError, match="asks which action was chosen"):
        PersistiveConfig().build(spec)
    with pytest.raises(ValueError, match="vector_strength must not"):
        PersistiveConfig(-1.0)
