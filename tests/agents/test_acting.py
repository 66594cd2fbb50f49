"""Who acts: an actor, chance, a script; the collector asks nothing else of them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest
import torch

from agents.acting import (
    Acted,
    ActingPolicy,
    RandomPolicy,
    nothing_carried,
)
from agents.collect import Collector
from agents.policy.actor_critic import ActorCritic
from agents.ppo.actor import Actor, ActorPolicy
from envs.counting import CountingConfig, decode
from envs.gym.env import GymnasiumConfig
from envs.native_env import NativeVectorEnv
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import (
    ContinuousActions,
    DiscreteActions,
    EnvSpec,
    Step,
)
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.actions import embedding_of
from world_models.belief import BeliefModel, Carry
from world_models.cores.recurrent import RecurrentCore

T, B = 11, 4


def world() -> NativeVectorEnv:
    return KeyDoorConfig(max_episode_steps=9, varied_layouts=True).build(B, "cpu")


def actor() -> Actor:
    torch.manual_seed(2)
    encoder = PatchConfig(size=24, precision=Precision.FLOAT32).build((6, 40, 45))
    core, embedding = RecurrentCore(24, 7, 17), embedding_of(DiscreteActions(5), 7)
    belief = BeliefModel(encoder, core, embedding, num_frames=2)
    policy = ActorCritic(17, DiscreteActions(5), 2)
    with torch.no_grad():
        policy.actor.weight.mul_(100.0)
    return Actor(policy, belief)


def test_an_actor_plays_alone_as_it_was_collected() -> None:
    whole = actor()
    collector = Collector(world(), whole.acting(8), T)
    collector.begin(seed=6)
    experiences = [collector.collect()[0] for _ in range(2)]
    policy, env = whole.acting(8), world()
    row, carry = env.reset(seed=6), policy.start(B)
    for experience in experiences:
        traj = experience.traj
        for t in range(T):
            assert torch.equal(row.obs, traj.obs[t])
            did = policy.act(row, carry)
            assert torch.equal(did.action, traj.action[t])
            assert torch.equal(did.carry.action, did.action)
            for name, x in did.extras.items():
                assert torch.equal(x, experience.extras[name][t])
            row, carry = env.step(did.action), did.carry
        for part in fields(Carry):
            got, want = (getattr(c, part.name) for c in (carry, experience.end))
            assert torch.equal(got, want)
    assert torch.cat([x.traj.first for x in experiences])[1:].any()


def test_what_an_actor_notes_belongs_to_its_action() -> None:
    whole, env = actor(), world()
    policy = whole.acting(8)
    row, carry = env.reset(seed=6), policy.start(B)
    did = policy.act(row, carry)
    assert set(did.extras) == {"belief", "log_prob", "value"}
    belief, _ = whole.perceive(row, carry)
    distribution, value = whole.policy(belief)
    assert torch.equal(did.extras["belief"], belief)
    assert torch.equal(did.extras["log_prob"], distribution.log_prob(did.action))
    assert torch.equal(did.extras["value"], value.T)
    assert not any(x.requires_grad for x in did.extras.values())


def test_greedy_takes_the_likeliest_action_without_a_draw() -> None:
    whole, env = actor(), world()
    generator = torch.Generator().manual_seed(8)
    policy = ActorPolicy(whole, generator, greedy=True)
    before = generator.get_state()
    row, carry = env.reset(seed=6), policy.start(B)
    for _ in range(3):
        distribution, _ = whole.policy(whole.perceive(row, carry)[0])
        did = policy.act(row, carry)
        assert torch.equal(did.action, distribution.mode())
        row, carry = env.step(did.action), did.carry
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("kind", ["actor", "random"])
def test_draws_go_on_from_a_saved_state(kind: str) -> None:
    env, whole = world(), actor()

    def made(seed: int) -> ActingPolicy:
        if kind == "random":
            return RandomPolicy(env, seed)
        return whole.acting(seed)

    one, two = made(1), made(2)
    row, carry = env.reset(seed=6), one.start(B)
    for _ in range(3):
        one.act(row, carry)
    two.load_state_dict(one.state_dict())
    drawn = [
        torch.stack([p.act(row, carry).action for _ in range(9)]) for p in (one, two)
    ]
    assert torch.equal(*drawn)
    assert drawn[0].float().std() > 0
    fresh = made(1)
    assert not torch.equal(
        torch.stack([fresh.act(row, carry).action for _ in range(9)]), drawn[0]
    )


def test_chance_is_uniform_over_discrete_actions() -> None:
    env = CountingConfig().build(500, "cpu")
    policy = RandomPolicy(env, 1)
    row, carry = env.reset(0), policy.start(500)
    counts = torch.zeros(5)
    for _ in range(20):
        did = policy.act(row, carry)
        counts += torch.bincount(did.action, minlength=5)
        assert torch.equal(did.carry.action, did.action)
        assert not did.extras
    # 10,000 draws: five standard deviations are 200
    assert (counts - 2000).abs().max() < 200


def test_nothing_is_carried_in_the_dtype_of_actions() -> None:
    device = torch.device("cpu")
    discrete = EnvSpec(B, (1, 4, 5), DiscreteActions(3), device)
    carry = nothing_carried(discrete, B)
    assert carry.frames.shape == (0, B, 1, 4, 5)
    assert carry.memory.shape == (B, 0)
    assert (carry.action.dtype, carry.action.shape) == (torch.int64, (B,))
    box = ContinuousActions((-1.0, -1.0), (1.0, 1.0))
    carry = nothing_carried(EnvSpec(B, (1, 4, 5), box, device), B)
    assert (carry.action.dtype, carry.action.shape) == (torch.float32, (B, 2))


class Script(ActingPolicy):
    """Turns by turns, counting for itself how often each env was new."""

    def __init__(self, spec: EnvSpec) -> None:
        self.spec, self.rows = spec, 0

    def start(self, num_envs: int) -> Carry:
        return nothing_carried(self.spec, num_envs)

    def act(self, row: Step, carry: Carry) -> Acted:
        action = torch.full_like(carry.action, self.rows % 5)
        self.rows += 1
        seen = decode(row.obs)
        noted = {
            "before": carry.action,
            "place": torch.stack([seen.episode, seen.step], -1),
            "new": row.first,
        }
        return Acted(action, carry.acted(action), noted)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.rows = state["rows"]


def scripted(overlap: int = 3) -> Collector:
    env = CountingConfig().build(B, "cpu")
    return Collector(env, Script(env.spec), T, overlap)


def test_a_scripted_policy_is_collected_with_what_it_noted() -> None:
    """Row by row, across the seam between rollouts as well."""
    collector = scripted()
    collector.begin(seed=1)
    for number in range(3):
        experience, _ = collector.collect()
        traj, extras = experience.traj, experience.extras
        rows = torch.arange(number * T, (number + 1) * T)
        assert torch.equal(traj.action, (rows % 5)[:, None].expand(T, B))
        seen = decode(traj.obs[:-1])
        place = torch.stack([seen.episode, seen.step], -1)
        assert torch.equal(extras["place"], place)
        assert torch.equal(extras["new"], traj.first[:-1])
        assert torch.equal(extras["before"][1:], traj.action[:-1])
        assert torch.equal(extras["before"][0], experience.carry.action)
        assert torch.equal(experience.end.action, traj.action[-1])
        assert experience.overlap == 3
        assert (experience.context is None) == (number == 0)


def test_a_scripted_collection_goes_on_from_a_saved_state() -> None:
    one, two = scripted(), scripted()
    one.begin(seed=1)
    one.collect()
    two.load_state_dict(one.state_dict(), seed=9)
    (a, _), (b, _) = one.collect(), two.collect()
    assert torch.equal(a.traj.action, b.traj.action)
    assert torch.equal(a.traj.obs, b.traj.obs)
    assert a.context is not None
    assert b.context is not None
    assert torch.equal(a.context.traj.obs, b.context.traj.obs)
    assert all(torch.equal(x, b.extras[name]) for name, x in a.extras.items())


def test_chance_acts_in_worlds_with_continuous_actions() -> None:
    pytest.importorskip("pygame")  # draws the pendulum
    env = GymnasiumConfig("Pendulum-v1").build(2, "cpu")
    try:
        collector = Collector(env, RandomPolicy(env, 3), 5)
        collector.begin(seed=1)
        experience, _ = collector.collect()
    finally:
        env.close()
    action = experience.traj.action
    assert (action.dtype, action.shape) == (torch.float32, (5, 2, 1))
    assert action.abs().max() <= 1
    assert action.std() > 0.2
