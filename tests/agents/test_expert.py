"""The expert: as fast as can be, or with mistakes, and not everywhere."""

import pytest
import torch

from agents.acting import ActingPolicy
from agents.expert import Expert
from envs.noise.config import with_noise
from envs.noise.frame_layer import FrameLayerConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import VectorEnv
from ssl_objectives.refusal import ConfigError

WORLD = KeyDoorConfig(size=6)


def lengths(env: VectorEnv, policy: ActingPolicy, steps: int) -> list[int]:
    """Of the episodes that reached the goal."""
    row, carry = env.reset(0), policy.start(2)
    elapsed, found = torch.zeros(2, dtype=torch.int64), []
    for _ in range(steps):
        acted = policy.act(row, carry)
        row, carry = env.step(acted.action), acted.carry
        elapsed = (elapsed + 1).masked_fill(row.first, 0)
        found += elapsed[row.terminated].tolist()
    return found


def test_it_goes_the_shortest_way_every_time() -> None:
    env = WORLD.build(2, "cpu")
    found = lengths(env, Expert(env, seed=1), 100)
    assert len(found) > 6
    assert len(set(found)) == 1


def test_mistakes_take_longer_and_differ() -> None:
    env = WORLD.build(2, "cpu")
    best = min(lengths(env, Expert(env, 1), 40))
    found = lengths(env, Expert(env, 1, mistakes=0.3), 200)
    assert min(found) >= best
    assert len(set(found)) > 2


def test_it_goes_on_as_it_would_have() -> None:
    env = WORLD.build(2, "cpu")
    row = env.reset(0)
    one, two = Expert(env, 1, 0.5), Expert(env, 9, 0.5)
    carry = one.start(2)
    for _ in range(3):
        one.act(row, carry)
    two.load_state_dict(one.state_dict())
    for _ in range(5):
        assert torch.equal(one.act(row, carry).action, two.act(row, carry).action)


def test_worlds_that_it_does_not_know_are_refused() -> None:
    with pytest.raises(ConfigError, match="torch-native worlds alone"):
        Expert(with_noise(WORLD, FrameLayerConfig()).build(2, "cpu"), 0)
    with pytest.raises(ConfigError, match="real numbers"):
        Expert(MovingDotConfig().build(2, "cpu"), 0)
