"""The data path of a rollout, proved by a world whose frames can be decoded."""

from dataclasses import fields

import pytest
import torch
from torch import Tensor

from agents.collect import Happened
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.experience import Experience
from agents.policy.ppo import Mixed, PpoConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from agents.ppo.minibatch import Minibatch
from envs.counting import CountingConfig, CountingState, CountingWorld, decode
from envs.native_env import NativeVectorEnv
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.objective import Loss
from world_models.belief import Carry
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory

T, B, K = 11, 6, 5
OVERLAP = K - 1


class Listener(Curiosity):
    """Pays nothing and remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.rollouts: list[Experience] = []
        self.minibatches: list[Trajectory] = []

    def reward(self, scored: Scored) -> IntrinsicReward:
        self.rollouts.append(scored.experience)
        nothing = torch.zeros_like(scored.traj.reward)
        return IntrinsicReward(nothing, nothing)

    def loss(self, learning: Learning) -> Loss | None:
        self.minibatches.append(learning.traj)
        return None


class ListenerConfig:
    def build(self, surroundings: Surroundings) -> Listener:
        return Listener()


def build(
    core: FrameStackConfig | RecurrentConfig | None = None,
    env: NativeVectorEnv | None = None,
) -> PpoAgent:
    config = PpoAgentConfig(
        encoder=NatureConfig(size=24, precision=Precision.FLOAT32),
        core=core or RecurrentConfig(size=17),
        ppo=PpoConfig(num_steps=T, num_minibatches=3, num_epochs=2),
    )
    agent = config.build(
        env or CountingConfig().build(B, "cpu"),
        byol_explore(horizon=K, predictor=LatentHeadConfig(13)),
        ListenerConfig(),
        seed=3,
    )
    with torch.no_grad():
        # frames are almost black
        agent.belief.encoder.get_parameter("head.weight").mul_(4e3)
        agent.actor.policy.actor.weight.mul_(300.0)  # a policy with opinions
    agent.begin()
    return agent


def collect(agent: PpoAgent, times: int) -> list[tuple[Experience, Happened]]:
    return [agent.collector.collect() for _ in range(times)]


def close(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def length(env: int, episode: int) -> int:
    """Transitions of an episode of the counting world."""
    return 3 + (7 * env + 5 * episode) % 11


def test_rows_advance_by_one_or_restart_exactly_at_first() -> None:
    rollouts = [rollout.traj for rollout, _ in collect(build(), 4)]
    obs = torch.cat([traj.obs[:-1] for traj in rollouts])
    first = torch.cat([traj.first[:-1] for traj in rollouts])
    now = decode(obs)
    assert torch.equal(now.env, torch.arange(B).expand(4 * T, B))
    assert first[0].all()
    assert first[1:].any(0).all()  # every env restarted at least once
    assert torch.equal(now.step[first], torch.zeros_like(now.step[first]))
    on = ~first[1:]
    advanced = now.step[1:] - now.step[:-1]
    assert (advanced[on] == 1).all()
    assert torch.equal(now.episode[1:] - now.episode[:-1], first[1:].long())


def test_rewards_and_flags_belong_to_the_row_they_lead_to() -> None:
    for rollout, _ in collect(build(), 3):
        traj = rollout.traj
        row = decode(traj.obs[1:])
        assert torch.equal(traj.reward, row.step.float())
        ends = [[length(b, int(row.episode[t, b])) for b in range(B)] for t in range(T)]
        last = row.step == torch.tensor(ends)
        even = row.episode % 2 == 0
        assert torch.equal(traj.terminated, last & even)
        assert torch.equal(traj.truncated, last & ~even)
        assert torch.equal(traj.first[2:], last[:-1])


def test_the_last_row_of_a_rollout_is_row_zero_of_the_next() -> None:
    agent = build()
    one, two, three = [rollout for rollout, _ in collect(agent, 3)]
    for before, after in ((one, two), (two, three)):
        for x in fields(Carry):
            got, want = getattr(before.end, x.name), getattr(after.carry, x.name)
            assert torch.equal(got, want)
        assert torch.equal(before.traj.obs[-1], after.traj.obs[0])
        assert torch.equal(before.traj.first[-1], after.traj.first[0])
        assert torch.equal(after.carry.action, before.traj.action[-1])
        # the bootstrap value of that row is the one it is acted on with
        last = agent.actor.value(before.traj, before.end)
        assert torch.equal(last, after.extras["value"][0])


CORES = [RecurrentConfig(size=17), FrameStackConfig(3), RecurrentConfig(17, 2)]


@pytest.mark.parametrize("core", CORES)
def test_recomputing_a_rollout_gives_what_was_collected(
    core: FrameStackConfig | RecurrentConfig,
) -> None:
    agent = build(core)
    for rollout, _ in collect(agent, 3):
        traj = rollout.traj
        with torch.no_grad():
            belief = agent.belief.throughout(traj, rollout.carry).belief
            distribution, value = agent.actor.policy(belief[:-1])
            bootstrap = agent.actor.policy(belief[-1])[1]
        noted = rollout.extras
        assert noted["belief"].std(0).mean() > 0.03
        close(belief[:-1], noted["belief"])
        log_prob = distribution.log_prob(traj.action)
        assert log_prob.std() > 0.3
        close(log_prob, noted["log_prob"])
        close(value.movedim(0, -1), noted["value"])
        close(bootstrap.movedim(0, -1), agent.actor.value(traj, rollout.end))
        # and the carry of the row behind is where the beliefs arrive
        end = agent.belief.along(traj, rollout.carry).carry
        assert torch.equal(end.frames, rollout.end.frames)
        assert torch.equal(end.action, rollout.end.action)
        close(end.memory, rollout.end.memory)


@pytest.mark.parametrize("core", CORES)
def test_context_is_the_transitions_before_row_zero(
    core: FrameStackConfig | RecurrentConfig,
) -> None:
    agent = build(core)
    one, two, three = [rollout for rollout, _ in collect(agent, 3)]
    assert one.context is None
    for before, after in ((one, two), (two, three)):
        assert after.context is not None
        context = after.context.traj
        assert context.num_steps == OVERLAP
        expected = before.traj.steps(T - OVERLAP, T)
        for name in ("action", "reward", "terminated", "truncated", "obs", "first"):
            assert torch.equal(getattr(context, name), getattr(expected, name)), name
        # the weights have not changed: the same beliefs again
        with torch.no_grad():
            seen = agent.belief.observe(
                context.obs[:-1],
                context.action[:-1],
                context.first[:-1],
                after.context.carry,
            )
        close(seen.belief, before.extras["belief"][-OVERLAP:])
        # and its carry leads into the rollout
        close(seen.carry.memory, after.carry.memory)
        rows = decode(torch.cat([context.obs[:-1], after.traj.obs]))
        first = torch.cat([context.first[:-1], after.traj.first])
        assert torch.equal(rows.step[1:] - rows.step[:-1] == 1, ~first[1:])


def test_context_keeps_no_memory_but_its_own() -> None:
    """A view would keep a whole rollout of frames alive during the next one."""
    agent = build()
    agent.collector.collect()
    context = agent.collector.context
    assert context is not None
    frames = context.traj.obs
    assert frames.untyped_storage().nbytes() == frames.numel()


def test_minibatches_cover_every_env_once_per_epoch() -> None:
    """What learning is given, seen through a curiosity that listens."""
    agent = build()
    for _ in range(2):
        agent.train_step()
    listener = agent.signals["listener"].curiosity
    assert isinstance(listener, Listener)
    assert len(listener.rollouts) == 2
    assert len(listener.minibatches) == 2 * 2 * 3
    orders = set()
    for epoch in range(4):
        traj = listener.rollouts[epoch // 2].traj
        parts = listener.minibatches[3 * epoch : 3 * epoch + 3]
        envs = torch.cat([decode(part.obs[0]).env for part in parts])
        assert torch.equal(envs.sort().values, torch.arange(B))
        orders.add(tuple(envs.tolist()))
        whole = torch.cat([part.obs for part in parts], 1)
        assert torch.equal(whole, traj.obs[:, envs])
        for name in ("action", "reward", "terminated", "truncated", "first"):
            got = torch.cat([getattr(part, name) for part in parts], 1)
            assert torch.equal(got, getattr(traj, name)[:, envs]), name
    assert len(orders) > 1


def test_a_batch_holds_all_that_belongs_to_its_envs() -> None:
    agent = build(RecurrentConfig(size=17, num_frames=3))
    rollout = collect(agent, 2)[-1][0]
    code = 100.0 * torch.arange(T)[:, None] + torch.arange(B)
    latent = torch.cat([code, code[-1:] + 100])[..., None].expand(-1, -1, 7)
    envs = torch.tensor([4, 0, 5])
    counts = torch.stack([code % 2 == 0, code % 3 == 0, code % 5 == 0])
    stream = torch.stack([code, code + 0.125, code + 0.25])
    mixed = Mixed(code + 0.5, stream, counts)
    # the second stream is off
    batch = Minibatch.of(rollout, mixed, torch.tensor([0, 2]), latent, envs)
    now = decode(batch.traj.obs)
    assert torch.equal(now.env, envs.expand(T + 1, 3))
    assert torch.equal(batch.traj.reward, now.step[1:].float())
    wanted = 100.0 * torch.arange(T)[:, None] + envs
    assert torch.equal(batch.ppo.advantage, wanted + 0.5)
    assert torch.equal(batch.ppo.returns, torch.stack([wanted, wanted + 0.25]))
    assert torch.equal(batch.ppo.value_valid, counts[[0, 2]][..., envs])
    assert torch.equal(batch.ppo.valid, batch.traj.valid)
    assert torch.equal(batch.ppo.action, batch.traj.action)
    assert batch.target is not None
    assert torch.equal(batch.target[:-1, :, 0], wanted)
    assert torch.equal(batch.ppo.log_prob, rollout.extras["log_prob"][:, envs])
    seen = agent.belief.observe(
        batch.traj.obs[:-1], batch.traj.action[:-1], batch.traj.first[:-1], batch.carry
    )
    close(seen.belief, rollout.extras["belief"][:, envs])


def test_episode_returns_and_lengths_span_rollouts() -> None:
    ends = total = 0
    for rollout, result in collect(build(), 5):
        traj = rollout.traj
        assert torch.equal(result.ended, traj.terminated | traj.truncated)
        row = decode(traj.obs[1:])
        for t, b in result.ended.nonzero().tolist():
            steps = length(b, int(row.episode[t, b]))
            assert result.episode_length[t, b] == steps
            assert result.episode_return[t, b] == steps * (steps + 1) / 2
            ends += 1
            total += steps > t + 1  # began in an earlier rollout
    assert ends > 20
    assert total > 3


class Liar(CountingWorld):
    """The counting world with other ground truth."""

    def describe(self, state: CountingState) -> dict[str, Tensor]:
        return {name: 77 - 3 * fact for name, fact in state._asdict().items()}


def test_facts_reach_neither_trajectory_nor_policy() -> None:
    honest = collect(build(), 2)[-1][0]
    lying = collect(build(env=NativeVectorEnv(Liar(), B)), 2)[-1][0]
    assert not honest.traj.facts
    for name in ("belief", "log_prob", "value"):
        assert torch.equal(honest.extras[name], lying.extras[name]), name
    for x in fields(Trajectory):
        got, want = getattr(lying.traj, x.name), getattr(honest.traj, x.name)
        assert torch.equal(got, want) if isinstance(got, Tensor) else got == want


def test_a_new_beginning_forgets_what_was_before() -> None:
    """Otherwise predictions from the old context would land in unrelated rows."""
    agent = build()
    collect(agent, 2)
    agent.begin()
    rollout, ends = agent.collector.collect()
    assert rollout.context is None
    start = agent.belief.start(B)
    for x in fields(Carry):
        assert torch.equal(getattr(rollout.carry, x.name), getattr(start, x.name))
    row = decode(rollout.traj.obs[1:])
    for t, b in ends.ended.nonzero().tolist():
        assert ends.episode_length[t, b] == length(b, int(row.episode[t, b]))


def test_a_horizon_beyond_the_rollout_is_refused() -> None:
    config = PpoAgentConfig(
        encoder=NatureConfig(size=24), ppo=PpoConfig(num_steps=3, num_minibatches=3)
    )
    env = CountingConfig().build(B, "cpu")
    with pytest.raises(ValueError, match="at least 4 steps, not 3; lower the horizon"):
        config.build(env, byol_explore(horizon=5), None, seed=0)
