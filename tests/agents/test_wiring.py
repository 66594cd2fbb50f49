"""One whole training step, computed again by loops: what reaches whom, and when.

`tests/mutations` plants faults in the step and sees these tests fail.
"""

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.curiosity.signals import SignalConfig
from agents.experience import Experience
from agents.policy.ppo import RewardStream
from agents.ppo.agent import PpoAgent
from envs.counting import CountingConfig, decode
from envs.tiles.key_door import KeyDoorConfig
from tests.agents.coded import (
    EXTRINSIC,
    PPO,
    SMALL,
    STREAMS,
    B,
    Coded,
    CodedConfig,
    T,
    code,
    coded_agent,
    listening,
)
from tests.agents.heard import Heard, HeardConfig, behind
from world_models.latent_dynamics import LatentDynamics
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory

MODEL = byol_explore(horizon=4, predictor=LatentHeadConfig(13))


def advantages(
    stream: RewardStream, reward: Tensor, value: Tensor, traj: Trajectory, b: int
) -> dict[int, float]:
    """One env's, by row: the definition, over the transitions that are steps."""
    first, ended = traj.first[:, b], (traj.terminated | traj.truncated)[:, b]
    steps = [t for t in range(len(reward)) if not first[t + 1]]
    found: dict[int, float] = {}
    for i, t in enumerate(steps):
        total, weight = 0.0, 1.0
        for s in steps[i:]:
            # where an episode goes on, row s+1 is what follows; behind a final row a
            # stream that ignores episodes goes on with the first row of the next one
            after = s + 1
            if not stream.episodic and after < len(reward) and first[after + 1]:
                after += 1
            future = 0.0 if stream.episodic and traj.terminated[s, b] else value[after]
            delta = reward[s] + stream.discount * future - value[s]
            total += weight * float(delta)
            weight *= stream.discount * stream.trace
            if stream.episodic and ended[s]:
                break
        found[t] = total
    return found


def test_every_minibatch_gets_the_advantages_of_its_own_rewards() -> None:
    agent = coded_agent()
    agent.train_step()  # so that carries and previous actions are not zero
    for _ in range(2):
        before = copy.deepcopy(agent.actor)
        carry = agent.collector.carry
        with listening(agent) as received:
            agent.train_step()
        whole = joined([x.traj for x in received.batches[: PPO.num_minibatches]])
        order = decode(whole.obs[0]).env
        with torch.no_grad():
            belief = before.belief.throughout(whole, carry.envs(order)).belief
            value = before.policy(belief)[1]
        rewards = [whole.reward, code(whole.obs[1:], 5), code(whole.obs[1:], 2)]
        streams = (EXTRINSIC, *STREAMS)
        mixed = torch.zeros(T, B)
        returns = torch.full((3, T, B), torch.nan)
        for v, (stream, reward) in enumerate(zip(streams, rewards, strict=True)):
            for b in range(B):
                found = advantages(stream, reward[:, b], value[v, :, b], whole, b)
                for t, x in found.items():
                    mixed[t, b] += stream.weight * x
                    returns[v, t, b] = x + value[v, t, b]
        valid = whole.valid
        kept = mixed[valid]
        normal = (mixed - kept.mean()) / kept.std(unbiased=False)
        for batch in received.batches:
            mine = [order.tolist().index(e) for e in decode(batch.traj.obs[0]).env]
            here = batch.traj.valid
            assert here.any()
            near(batch.ppo.advantage[here], normal[:, mine][here])
            for v in range(3):
                near(batch.ppo.returns[v][here], returns[v][:, mine][here])


def near(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)


def joined(parts: list[Trajectory]) -> Trajectory:
    """Trajectories of different envs as one."""
    names = ("action", "reward", "terminated", "truncated", "obs", "first")
    every: Any = {n: torch.cat([getattr(x, n) for x in parts], 1) for n in names}
    return Trajectory(**every)


def test_every_epoch_sees_every_env_once_and_in_another_order() -> None:
    agent = coded_agent()
    with listening(agent) as received:
        agent.train_step()
    envs = [decode(x.traj.obs[0]).env.tolist() for x in received.batches]
    epochs = [[*envs[i], *envs[i + 1], *envs[i + 2]] for i in (0, 3)]
    assert [sorted(x) for x in epochs] == [list(range(B))] * 2
    orders = [list(agent._minibatches()) for _ in range(4)]
    flat = [torch.cat(x[i : i + 3]).tolist() for x in orders for i in (0, 3)]
    assert len({tuple(x) for x in flat}) == len(flat)


def test_the_model_learns_what_it_predicts() -> None:
    """Its loss on a fixed batch falls, while it also pays a signal and a policy."""
    agent = coded_agent(model=MODEL)
    model = agent.world_model
    assert model is not None
    fixed, _ = agent.collector.collect()
    before = model.loss(fixed.traj, fixed.carry).mean().item()
    for _ in range(12):
        agent.train_step()
    assert model.loss(fixed.traj, fixed.carry).mean().item() < 0.5 * before


def test_the_target_follows_the_weights_behind_the_step() -> None:
    agent = coded_agent(model=MODEL)
    model, step = agent.world_model, agent.learner.step
    assert model is not None
    assert model.target is not None
    network, decay, seen = model.target.network, model.target.decay, 0

    def watched(*args: Any) -> None:
        nonlocal seen
        old = [p.clone() for p in network.parameters()]
        step(*args)
        online = model.belief.encoder.parameters()
        for now, was, new in zip(network.parameters(), old, online, strict=True):
            torch.testing.assert_close(now, decay * was + (1 - decay) * new)
            assert not torch.equal(now, was)
        seen += 1

    agent.learner.step = watched  # type: ignore[method-assign, assignment]
    agent.train_step()
    assert seen == PPO.num_epochs * PPO.num_minibatches == int(model.updates)


def test_signals_know_the_discount_of_the_stream_they_pay_into() -> None:
    agent = coded_agent()
    signals = list(agent.signals.values())
    assert [x.stream for x in signals] == list(STREAMS)
    for signal in signals:
        assert isinstance(signal.curiosity, Coded)
        assert signal.curiosity.discount == signal.stream.discount
    assert agent.streams == [EXTRINSIC, *STREAMS]


def test_training_begins_behind_the_random_warm_up_in_fresh_worlds() -> None:
    agent = coded_agent(warm_up_steps=9)
    signal = agent.signals["coded"].curiosity
    assert isinstance(signal, Coded)
    seen = torch.cat(signal.warmed)  # the first rows of all are not among them
    assert seen.shape == (9, B, 1, 40, 44)
    begins = decode(seen).step == 0
    assert begins.any()
    assert agent.env_steps == int((~begins).sum())
    assert agent.collector.row is not None
    assert agent.collector.row.first.all()
    assert not agent.collector.carry.memory.any()
    taken = agent.env_steps
    experience, _ = copy.deepcopy(agent.collector).collect()
    for row in (0, 1, 2):
        assert decode(experience.traj.obs[row]).step.tolist() == [row] * B
    agent.train_step()
    assert agent.env_steps == taken + int(experience.traj.valid.sum()) < taken + T * B


def test_signals_warm_up_on_the_same_play_each_as_long_as_it_asks() -> None:
    env = CountingConfig().build(B, "cpu")
    also = [SignalConfig(CodedConfig(2, 9)), SignalConfig(CodedConfig(7, 0))]
    agent = SMALL.build(env, None, CodedConfig(5, 4), 3, also)
    agent.begin()
    warmed = []
    for signal in agent.signals.values():
        assert isinstance(signal.curiosity, Coded)
        warmed.append(signal.curiosity.warmed)
    few, many, none = warmed
    assert (len(few), len(many), len(none)) == (4, 9, 0)
    assert torch.equal(torch.cat(few), torch.cat(many[:4]))


class Last(Curiosity):
    """Notes what the model that it is shown has behind it, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.updates: list[int] = []

    def reward(self, scored: Scored) -> IntrinsicReward:
        nothing = torch.zeros_like(scored.traj.reward)
        return IntrinsicReward(nothing, nothing)

    def after_update(self, model: LatentDynamics | None) -> None:
        assert model is not None
        self.updates.append(int(model.updates))


class LastConfig:
    def build(self, surroundings: Surroundings) -> Last:
        return Last()


def test_signals_follow_a_step_behind_the_model_and_its_target() -> None:
    agent = SMALL.build(CountingConfig().build(B, "cpu"), MODEL, LastConfig(), 3)
    agent.begin()
    agent.train_step()
    signal = agent.signals["last"].curiosity
    assert isinstance(signal, Last)
    steps = PPO.num_epochs * PPO.num_minibatches
    assert signal.updates == list(range(1, steps + 1))


def test_surprise_crosses_the_seam_as_if_there_were_none() -> None:
    """With weights that stay, three rollouts surprise as one of their whole length."""
    still = replace(SMALL, ppo=replace(PPO, learning_rate=0.0))
    agent = still.build(CountingConfig().build(B, "cpu"), MODEL, HeardConfig(), 3)
    agent.begin()
    for _ in range(3):
        agent.train_step()
    signal = agent.signals["heard"].curiosity
    assert isinstance(signal, Heard)
    one, two, three = signal.told
    model = agent.world_model
    assert model is not None
    carry = one.experience.carry
    whole = behind([x.traj for x in signal.told])
    loss = model.loss(whole, carry)
    arrived = loss.arrival()
    paid = torch.cat([x.known.arrival() for x in signal.told])
    torch.testing.assert_close(paid, arrived, rtol=1e-4, atol=1e-4)
    assert two.known.num_context == three.known.num_context == MODEL.horizon - 1


def rollout_of(agent: PpoAgent) -> Experience:
    return copy.deepcopy(agent.collector).collect()[0]


def test_runs_with_other_seeds_differ_in_worlds_actions_and_minibatches() -> None:
    def key_door(seed: int) -> PpoAgent:
        env = KeyDoorConfig(varied_layouts=True).build(B, "cpu")
        agent = SMALL.build(env, seed=seed)
        agent.begin()
        return agent

    worlds = [key_door(s).collector.row for s in (0, 1, 0)]
    assert worlds[0] is not None
    assert worlds[1] is not None
    assert worlds[2] is not None
    assert not torch.equal(worlds[0].obs, worlds[1].obs)
    assert torch.equal(worlds[0].obs, worlds[2].obs)

    agents = [coded_agent(seed=s) for s in (0, 1, 0)]
    for agent in agents[1:]:  # the counting world is always the same, and so they are
        agent.actor.load_state_dict(agents[0].actor.state_dict())
    played = [rollout_of(x) for x in agents]
    assert torch.equal(played[0].traj.obs, played[1].traj.obs)
    assert not torch.equal(played[0].traj.action, played[1].traj.action)
    assert torch.equal(played[0].traj.action, played[2].traj.action)
    orders = [torch.cat(list(x._minibatches())).tolist() for x in agents]
    assert orders[0] != orders[1]
    assert orders[0] == orders[2]
