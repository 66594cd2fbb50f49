"""Continuous actions reach Gymnasium envs in the bounds that they declare."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, MultiBinary, MultiDiscrete
from gymnasium.vector import SyncVectorEnv

from envs.check import check_env, random_action, random_actions
from envs.gym.actions import find_actions
from envs.gym.env import GymnasiumConfig, GymnasiumVectorEnv
from envs.vector_env import ContinuousActions, DiscreteActions


class Steering(gymnasium.Env[Any, Any]):
    """Pays what one number of its action is, and accepts none outside its bounds."""

    observation_space = Box(0, 255, (5, 4, 1), np.uint8)

    def __init__(self, action_space: Any) -> None:
        self.action_space = action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros((5, 4, 1), np.uint8), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action)  # bounds, shape and dtype
        paid = float(action.flat[-2])
        frame = np.full((5, 4, 1), 100 + int(9 * np.tanh(paid)), np.uint8)
        return frame, paid, False, False, {}


def steered(space: Box) -> GymnasiumVectorEnv:
    return GymnasiumVectorEnv(SyncVectorEnv([lambda: Steering(space)] * 3))


def paid(env: GymnasiumVectorEnv, value: float) -> list[float]:
    env.reset(seed=0)
    assert isinstance(env.spec.actions, ContinuousActions)
    action = torch.full((env.spec.num_envs, env.spec.actions.size), value)
    return env.step(action).reward.tolist()


HIGH = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


def test_every_component_in_its_own_bounds() -> None:
    env = steered(Box(-1.0, HIGH))
    assert env.spec.actions == ContinuousActions((-1.0,) * 4, (1.0, 2.0, 3.0, 4.0))
    check_env(lambda: steered(Box(-1.0, HIGH)), 10)
    env.reset(seed=0)
    action = random_action(env, torch.Generator().manual_seed(0))
    reward = env.step(action).reward
    torch.testing.assert_close(reward, 2 * action[:, 2] + 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bound", [0.1, 1000.0, 0.7])
def test_narrow_and_wide_bounds_are_reached_and_never_left(
    bound: float, dtype: Any
) -> None:
    """The env itself asserts that no action lies outside."""
    env = steered(Box(-bound, bound, (2,), dtype))
    for value, share in ((10.0, 1), (1.0, 1), (0.25, 0.25), (-1.0, -1), (-3.0, -1)):
        assert paid(env, value) == pytest.approx([share * bound] * 3)


def test_a_unit_gaussian_moves_in_narrow_and_in_wide_bounds(
    generator: torch.Generator,
) -> None:
    """Nearly all draws were outside ±0.1, and only ±3 of ±1000 was ever tried."""
    for bound in (0.1, 1000.0):
        env = steered(Box(-bound, bound, (2,), np.float32))
        env.reset(seed=0)
        done = torch.cat(
            [
                env.step(torch.randn(3, 2, generator=generator)).reward
                for _ in range(200)
            ]
        )
        inside = (done.abs() < 0.999 * bound).float().mean()
        assert 0.6 < inside < 0.76  # of a unit Gaussian 0.683 lies in ±1
        assert (done.abs() > 0.9 * bound).float().mean() > 0.25


class Choosing(Steering):
    """Pays what it was told, read as one number of base 10."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        paid = float("".join(map(str, np.ravel(action))))
        return np.zeros((5, 4, 1), np.uint8), paid, False, False, {}


@pytest.mark.parametrize(
    ("space", "pays"),
    [
        (MultiDiscrete([3, 2], start=[1, 0]), [10, 11, 20, 21, 30, 31]),
        (MultiDiscrete(np.array([[2], [2]])), [0, 1, 10, 11]),
        (MultiBinary(2), [0, 1, 10, 11]),
        (MultiBinary((1, 3)), [0, 1, 10, 11, 100, 101, 110, 111]),
        (Box(2, 4, (1,), np.int64), [2, 3, 4]),
    ],
)
def test_each_combination_of_choices_is_an_action(space: Any, pays: list[int]) -> None:
    env = GymnasiumVectorEnv(SyncVectorEnv([lambda: Choosing(space)] * len(pays)))
    assert env.spec.actions == DiscreteActions(len(pays))
    env.reset(seed=0)
    assert env.step(torch.arange(len(pays))).reward.tolist() == pays
    with pytest.raises(ValueError, match=f"must be 0 … {len(pays) - 1}"):
        env.step(torch.full((len(pays),), len(pays)))


def test_numbers_without_bounds_get_some() -> None:
    low, high = np.array([-np.inf, 3, -np.inf]), np.array([np.inf, np.inf, 1])
    space = Box(low.astype(np.float32), high.astype(np.float32))
    env = GymnasiumVectorEnv(SyncVectorEnv([lambda: Steering(space)] * 2), reach=2.0)
    assert env.spec.actions == ContinuousActions((-2.0, 3.0, -3.0), (2.0, 7.0, 1.0))
    assert "within ±2" in env.spec.about
    assert paid(env, -1.0) == [3.0] * 2


def test_mountain_car_pays_for_the_action_at_the_bound() -> None:
    pytest.importorskip("pygame")
    env = GymnasiumConfig("MountainCarContinuous-v0").build(2, "cpu")
    assert paid(env, 10.0) == pytest.approx([-0.1] * 2)  # not -10
    assert paid(env, 0.5) == pytest.approx([-0.025] * 2)
    env.close()


def test_pendulum_is_pushed_with_all_its_torque() -> None:
    """Its bounds are ±2, and the torque costs 0.001 of its square."""
    pytest.importorskip("pygame")
    env = GymnasiumConfig("Pendulum-v1").build(2, "cpu")
    pushed, idle = paid(env, 1.0), paid(env, 0.0)
    lost = [a - b for a, b in zip(idle, pushed, strict=True)]
    assert lost == pytest.approx([0.004] * 2, abs=1e-5)
    env.close()


@pytest.mark.parametrize(
    "space",
    [
        gymnasium.spaces.Discrete(4, start=-1),
        MultiDiscrete([2, 3], start=[1, 0]),
        MultiBinary(3),
        Box(-1, 1, (2,), np.int8),
        Box(-HIGH, 2 * HIGH),
    ],
    ids=str,
)
def test_what_envs_were_told_is_heard_as_it_was_said(space: Any) -> None:
    told = find_actions(space)
    generator = torch.Generator().manual_seed(0)
    action = random_actions(told.actions, 50, generator)
    asked = told.read(action, np.zeros(50, np.bool_))
    assert all(space.contains(x) for x in asked)
    torch.testing.assert_close(told.heard(asked), action)
