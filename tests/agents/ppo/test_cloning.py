"""Cloning: the loss in closed form, what learns of it and what does not."""

import copy
from dataclasses import replace

import pytest
import torch

from agents.expert import Expert
from agents.ppo.actor import Actor
from agents.ppo.build import PpoAgentConfig
from agents.ppo.cloning import Cloning
from agents.trajectories import rollout
from envs.toys.deep_sea import DeepSeaConfig
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import WorldConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.agents.small import SMALL, small
from tests.envs.probe_world import ProbeConfig
from world_models.trajectory import Trajectory

SEA = DeepSeaConfig(size=5)
DIVER = replace(
    SMALL, encoder=PatchConfig(16, patch=1, depth=1, precision=Precision.FLOAT32)
)


def player(world: WorldConfig, config: PpoAgentConfig = DIVER) -> Actor:
    torch.manual_seed(0)
    return config.build_player(world.build(1, "cpu").spec, None, 0)


def dives(steps: int = 24, envs: int = 6) -> Trajectory:
    env = SEA.build(envs, "cpu")
    return rollout(env, steps, Expert(env, 1), env.reset(1))[0]


@pytest.mark.parametrize("burn_in", [0, 3])
def test_the_loss_is_that_of_acting_row_by_row(burn_in: int) -> None:
    """With the memory that the policy would have had from the window's first row on."""
    agent = small(0, None, None)
    traj, shown = rollout(agent.env, 11)
    actor, losses, right = agent.actor, [], []
    carry = actor.start(traj.first.shape[1])
    for t in range(traj.num_steps):
        row = replace(shown, obs=traj.obs[t], first=traj.first[t])
        with torch.no_grad():
            belief, carry = actor.perceive(row, carry)
            logits = actor.policy.actor(belief)
        carry = carry.acted(traj.action[t])
        for b, action in enumerate(traj.action[t].tolist()):
            if t >= burn_in and not traj.first[t + 1, b]:
                odds = logits[b].exp()
                losses.append(-(odds[action] / odds.sum()).log().item())
                right.append(logits[b].argmax().item() == action)
    assert 0 < len(losses) < (traj.num_steps - burn_in) * traj.first.shape[1]
    told = Cloning(actor, burn_in=burn_in).measure(traj)
    assert told["imitation/loss"].item() == pytest.approx(sum(losses) / len(losses))
    agreed = told["imitation/agreement"].item()
    assert agreed == pytest.approx(sum(right) / len(right))


def test_it_learns_to_do_what_was_done() -> None:
    actor, traj = player(SEA), dives()
    cloning = Cloning(actor, 1e-2)
    before = cloning.measure(traj)
    for _ in range(40):
        cloning.step(traj)
    after = cloning.measure(traj)
    assert before["imitation/agreement"] < 0.9
    assert after["imitation/agreement"] == 1
    assert after["imitation/loss"] < 0.2 < before["imitation/loss"]
    env = SEA.build(6, "cpu")
    played, _ = rollout(env, 30, actor.acting(0, greedy=True), env.reset(3))
    assert (played.reward[played.terminated | played.truncated] > 0.9).all()


@pytest.mark.parametrize("shapes", [True, False])
def test_values_never_learn_and_beliefs_if_they_may(shapes: bool) -> None:
    actor, traj = player(SEA), dives()
    before = copy.deepcopy(actor.state_dict())
    Cloning(actor, 1e-2, shapes_belief=shapes).step(traj)
    changed = {
        k for k, x in actor.state_dict().items() if not torch.equal(x, before[k])
    }
    assert "policy.actor.weight" in changed
    assert not any(x.startswith("policy.critic") for x in changed)
    assert any(x.startswith("model.encoder") for x in changed) == shapes


def test_gradients_are_clipped() -> None:
    actor, traj = player(SEA), dives()
    before = actor.policy.actor.weight.clone()
    cloning = Cloning(actor, 1e-2, max_grad_norm=1e-12)
    cloning.step(traj)
    # Adam's eps, 1e-5, is all that such a gradient is divided by
    assert (actor.policy.actor.weight - before).abs().max() < 1e-6


def test_moments_of_a_vector_follow() -> None:
    """Else they would begin to move under the policy once it plays."""
    world = ProbeConfig()
    config = replace(DIVER, encoder=PatchConfig(16, precision=Precision.FLOAT32))
    actor, env = player(world, config), world.build(4, "cpu")
    traj, _ = rollout(env, 8)
    vectors = actor.belief.vector_input
    assert traj.vector is not None
    assert vectors is not None
    Cloning(actor).step(traj)
    seen = traj.vector[1:].flatten(0, 1)[:, : vectors.vector_size]
    torch.testing.assert_close(vectors.moments.mean.float(), seen.mean(0))


def test_real_numbers_have_a_density_and_no_agreement() -> None:
    world = MovingDotConfig()
    config = replace(DIVER, encoder=PatchConfig(16, precision=Precision.FLOAT32))
    actor, env = player(world, config), world.build(4, "cpu")
    traj, _ = rollout(env, 8)
    cloning = Cloning(actor, 1e-2)
    told = cloning.step(traj)
    assert set(told) == {"imitation/loss"}
    for _ in range(10):
        later = cloning.step(traj)
    assert later["imitation/loss"] < told["imitation/loss"]
