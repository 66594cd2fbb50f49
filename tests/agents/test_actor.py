"""An actor plays as the agent that it was taken from does while learning."""

import torch

from agents.actor import Actor
from agents.collect import Collector
from agents.policy.actor_critic import ActorCritic
from envs.native_env import NativeVectorEnv
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import DiscreteActions
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.actions import embedding_of
from world_models.belief import BeliefModel
from world_models.cores.recurrent import RecurrentCore
from world_models.presets import ByolExploreConfig

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


def test_actor_repeats_what_was_collected() -> None:
    policy, belief = parts()
    sampler = torch.Generator().manual_seed(8)
    collector = Collector(world(), belief, policy, T, 0, sampler)
    collector.begin(seed=6)
    rollouts = [collector.collect()[0].traj for _ in range(2)]
    actor, env = Actor(policy, belief), world()
    generator = torch.Generator().manual_seed(8)
    row, carry = env.reset(seed=6), actor.start(B)
    for traj in rollouts:
        for t in range(T):
            assert torch.equal(row.obs, traj.obs[t])
            action, carry = actor.act(row, carry, generator)
            assert torch.equal(action, traj.action[t])
            row = env.step(action)
    assert torch.cat([traj.first for traj in rollouts])[1:].any()


def test_greedy_takes_the_likeliest_action_without_a_draw() -> None:
    policy, belief = parts()
    actor, env = Actor(policy, belief), world()
    generator = torch.Generator().manual_seed(8)
    before = generator.get_state()
    row, carry = env.reset(seed=6), actor.start(B)
    for _ in range(3):
        seen = belief.observe(
            row.obs[None], carry.action[None][:0], row.first[None], carry
        )
        distribution, _ = policy(seen.belief[0])
        action, carry = actor.act(row, carry, generator, greedy=True)
        assert torch.equal(action, distribution.mode())
        row = env.step(action)
    assert torch.equal(generator.get_state(), before)


def test_actor_finds_belief_and_world_model() -> None:
    policy, belief = parts()
    model = ByolExploreConfig(horizon=3, predictor_hidden=13).build(belief)
    alone, with_model = Actor(policy, belief), Actor(policy, model)
    assert alone.belief is with_model.belief is belief
    assert alone.world_model is None
    assert with_model.world_model is model
