"""An actor sees row by row what its belief model sees of a whole trajectory."""

import torch

from agents.collect import Collector
from agents.policy.actor_critic import ActorCritic
from agents.ppo.actor import Actor, ActorPolicy
from envs.native_env import NativeVectorEnv
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import DiscreteActions, Step
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.actions import embedding_of
from world_models.belief import BeliefModel
from world_models.cores.recurrent import RecurrentCore
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory

T, B = 11, 4


def world() -> NativeVectorEnv:
    return KeyDoorConfig(max_episode_steps=9, varied_layouts=True).build(B, "cpu")


def parts() -> tuple[ActorCritic, BeliefModel]:
    torch.manual_seed(2)
    encoder = PatchConfig(size=24, precision=Precision.FLOAT32).build((6, 40, 45))
    embedding = embedding_of(DiscreteActions(5), 7)
    belief = BeliefModel(encoder, RecurrentCore(24, 7, 17), embedding, num_frames=2)
    policy = ActorCritic(17, DiscreteActions(5), 2)
    with torch.no_grad():
        policy.actor.weight.mul_(100.0)
    return policy, belief


def rows_of(policy: ActorPolicy) -> Trajectory:
    """Two rollouts, as one trajectory."""
    collector = Collector(world(), policy, 2 * T)
    collector.begin(seed=6)
    traj = collector.collect()[0].traj
    assert traj.first[1:].any()
    return traj


def test_an_actor_sees_row_by_row_what_its_model_sees_at_once() -> None:
    policy, belief = parts()
    actor = Actor(policy, belief)
    traj = rows_of(actor.acting(8))
    seen = belief.throughout(traj, actor.start(B)).belief
    carry = actor.start(B)
    for t in range(2 * T + 1):
        no = torch.zeros(B, dtype=torch.bool)
        row = Step(traj.obs[t], torch.zeros(B), no, no, traj.first[t])
        at, carry = actor.perceive(row, carry)
        assert not at.requires_grad
        torch.testing.assert_close(at, seen[t], rtol=1e-4, atol=1e-5)
        if t < 2 * T:
            carry = carry.acted(traj.action[t])


def test_the_value_of_the_last_row_is_the_critics() -> None:
    policy, belief = parts()
    actor = Actor(policy, belief)
    traj = rows_of(actor.acting(8))
    for steps in (1, T, 2 * T):
        part = traj.steps(0, steps)
        end = belief.along(part, actor.start(B)).carry
        whole = belief.throughout(part, actor.start(B)).belief
        value = actor.value(part, end)
        assert value.shape == (B, 2)
        assert not value.requires_grad
        want = policy.critic(whole[-1])
        torch.testing.assert_close(value, want, rtol=1e-4, atol=1e-5)


def test_actor_finds_belief_and_world_model() -> None:
    policy, belief = parts()
    model = byol_explore(horizon=3, predictor=LatentHeadConfig(13)).build(belief)
    alone, with_model = Actor(policy, belief), Actor(policy, model)
    assert alone.belief is with_model.belief is belief
    assert alone.world_model is None
    assert with_model.world_model is model
