"""Trajectories without a trainer: what happened, in order, and nothing lost between."""

from typing import final

import pytest
import torch
from torch import Tensor

from agents.acting import Acted, ActingPolicy, nothing_carried
from agents.trajectories import rollout
from envs.counting import CountingConfig, decode
from envs.vector_env import EnvSpec, Step
from tests.envs.probe_world import ProbeConfig
from world_models.belief import Carry

B, T = 4, 9


@final
class CountsUp(ActingPolicy):
    """Acts one higher than it did before, which it knows from its carry alone."""

    def __init__(self, spec: EnvSpec) -> None:
        self.spec = spec
        self.saw: list[Tensor] = []

    def start(self, num_envs: int) -> Carry:
        return nothing_carried(self.spec, num_envs)

    def act(self, row: Step, carry: Carry) -> Acted:
        self.saw.append(row.obs)
        action = (carry.action + 1) % 5
        return Acted(action, carry.acted(action))


def test_rows_say_what_happened_and_in_which_order() -> None:
    env = CountingConfig().build(B, "cpu")
    policy = CountsUp(env.spec)
    begun = env.reset(3)
    traj, behind = rollout(env, T, policy, begun)
    now = decode(traj.obs)
    assert traj.num_steps == T
    assert torch.equal(traj.obs[0], begun.obs)
    assert torch.equal(traj.obs[-1], behind.obs)
    assert torch.equal(torch.stack(policy.saw), traj.obs[:-1])
    assert torch.equal(
        traj.action, (torch.arange(T) % 5 + 1).remainder(5)[:, None].expand(T, B)
    )
    assert torch.equal(traj.reward, now.step[1:].float())
    assert torch.equal(traj.first, now.step == 0)
    assert torch.equal(now.step[1:] == now.step[:-1] + 1, traj.valid)
    assert (~traj.valid).any()
    ended = traj.terminated | traj.truncated
    assert torch.equal(ended[:-1], traj.first[2:])
    for name, x in now._asdict().items():
        assert torch.equal(traj.facts[name], x), name
    assert traj.vector is None


def test_the_row_behind_is_where_the_next_one_begins() -> None:
    whole_env, env = (CountingConfig().build(B, "cpu") for _ in range(2))
    whole, _ = rollout(whole_env, 2 * T, CountsUp(env.spec), whole_env.reset(5))
    one, row = rollout(env, T, CountsUp(env.spec), env.reset(5))
    two, _ = rollout(env, T, CountsUp(env.spec), row)
    assert torch.equal(torch.cat([one.obs, two.obs[1:]]), whole.obs)
    assert torch.equal(torch.cat([one.first, two.first[1:]]), whole.first)
    assert torch.equal(torch.cat([one.reward, two.reward]), whole.reward)


def test_without_a_policy_it_is_random_play_that_repeats() -> None:
    actions = []
    for _ in range(2):
        env = CountingConfig().build(B, "cpu")
        env.reset(2)
        actions.append(rollout(env, 60)[0].action)
    assert torch.equal(*actions)
    assert set(actions[0].unique().tolist()) == set(range(5))


def test_vectors_and_continuous_actions_come_along() -> None:
    env = ProbeConfig().build(B, "cpu")
    traj, behind = rollout(env, T, row=env.reset(0))
    assert traj.vector is not None
    assert behind.vector is not None
    assert traj.vector.shape == (T + 1, B, 3)
    assert torch.equal(traj.vector[-1], behind.vector)
    assert traj.action.shape == (T, B, 2)
    assert traj.action.abs().max() <= 1
    # what was told, not what was done within the world's own bounds
    told = env.spec.actions.to_bounds(traj.action)  # type: ignore[union-attr]  # continuous
    torch.testing.assert_close(traj.facts["applied"][1:][traj.valid], told[traj.valid])


@pytest.mark.parametrize("num_steps", [1, 17])
def test_nothing_asks_for_gradient(num_steps: int) -> None:
    env = ProbeConfig().build(2, "cpu")
    traj, _ = rollout(env, num_steps)
    assert not torch.is_inference(traj.obs)
    assert not traj.action.requires_grad
