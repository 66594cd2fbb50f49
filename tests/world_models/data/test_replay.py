"""Windows of past rollouts, as they were collected, against the rollouts themselves."""

import io
from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.experience import Experience
from agents.policy.ppo import PpoConfig
from agents.ppo.build import PpoAgentConfig
from envs.counting import CountingConfig, decode
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from world_models.belief import Carry
from world_models.cores.recurrent import RecurrentConfig
from world_models.data.replay import ReplayBuffer, Replayed
from world_models.frames import stack_frames
from world_models.presets import byol_explore
from world_models.trajectory import Trajectory

T, B = 11, 6


def rollouts(count: int, num_frames: int = 3) -> list[Experience]:
    """Of a world whose frames say where they are from."""
    env = CountingConfig().build(B, "cpu")
    config = PpoAgentConfig(
        encoder=NatureConfig(size=16),
        core=RecurrentConfig(9, num_frames),
        ppo=PpoConfig(num_steps=T, num_minibatches=2),
    )
    agent = config.build(env, byol_explore(horizon=3), None, seed=0)
    agent.begin()
    return [agent.collector.collect()[0] for _ in range(count)]


def filled(experiences: list[Experience], capacity: int = 3) -> ReplayBuffer:
    buffer = ReplayBuffer(capacity)
    for experience in experiences:
        extras = {name: experience.extras[name] for name in ("log_prob", "belief")}
        buffer.add(experience.traj, experience.carry, extras)
    return buffer


def window(
    buffer: ReplayBuffer, slot: list[int], env: list[int], begin: list[int], steps: int
) -> Replayed:
    return buffer.window(
        torch.tensor(slot), torch.tensor(env), torch.tensor(begin), steps
    )


def same(one: Trajectory | Carry, two: Trajectory | Carry) -> None:
    for x in fields(one):
        got, want = getattr(one, x.name), getattr(two, x.name)
        if isinstance(got, Tensor):
            assert torch.equal(got, want), x.name
        else:
            assert not got, x.name
            assert not want, x.name


def test_whole_rollouts_come_back_as_they_were() -> None:
    """The latest three of five, each with the carry that it really had."""
    experiences = rollouts(5)
    buffer = filled(experiences)
    assert len(buffer) == 3
    order = (3, 4, 2)  # slots 0, 1, 2
    for slot, number in enumerate(order):
        old = experiences[number]
        envs = torch.tensor([5, 0, 3, 3])
        found = window(buffer, [slot] * 4, envs.tolist(), [0] * 4, T)
        same(found.traj, old.traj.envs(envs))
        same(found.carry, old.carry.envs(envs))
        for name, x in found.extras.items():
            assert torch.equal(x, old.extras[name][:, envs])
        assert set(found.extras) == {"log_prob", "belief"}


@pytest.mark.parametrize("steps", [1, 4, T - 1])
def test_a_window_is_a_slice_of_what_was_stored(steps: int) -> None:
    experiences = rollouts(2)
    buffer = filled(experiences)
    for begin in range(T - steps + 1):
        envs = torch.tensor([4, 1])
        found = window(buffer, [1, 1], [4, 1], [begin] * 2, steps)
        old = experiences[1]
        same(found.traj, old.traj.envs(envs).steps(begin, begin + steps))
        for name, x in found.extras.items():
            assert torch.equal(x, old.extras[name][begin : begin + steps, envs])
        if begin:
            before = old.traj.action[begin - 1, envs]
            assert torch.equal(found.carry.action, before)
            assert not found.carry.memory.any()
        now = decode(found.traj.obs)
        assert torch.equal(now.env, envs.expand(steps + 1, 2))
        on = now.step[1:] == now.step[:-1] + 1
        assert torch.equal(on, found.traj.valid)


@pytest.mark.parametrize("history", [1, 2, 4])
def test_frames_before_a_window_are_those_of_the_run_itself(history: int) -> None:
    """With an episode that begins anywhere: one env for every pair of first rows."""
    generator = torch.Generator().manual_seed(1)
    steps = 7
    marks = [(i, j) for i in range(steps + 1) for j in range(i, steps + 1)]
    num = len(marks) + 1  # and one without any
    obs = torch.randint(1, 256, (steps + 1, num, 1, 2, 3), generator=generator)
    obs = obs.to(torch.uint8)
    before = torch.randint(1, 256, (history, num, 1, 2, 3), generator=generator)
    first = torch.zeros(steps + 1, num, dtype=torch.bool)
    for env, rows in enumerate(marks):
        first[list(rows), env] = True
    no = torch.zeros(steps, num, dtype=torch.bool)
    traj = Trajectory(no.long(), no.float(), no, no, obs, first)
    carry = Carry(before.to(torch.uint8), torch.zeros(num, 0), no[0].long())
    buffer = ReplayBuffer(2)
    buffer.add(traj, carry)
    envs = torch.arange(num)
    whole, _ = stack_frames(obs, first, carry.frames)
    for begin in range(steps):
        found = buffer.window(0 * envs, envs, 0 * envs + begin, steps - begin)
        ran = carry.frames
        for t in range(begin):
            _, ran = stack_frames(obs[t : t + 1], first[t : t + 1], ran)
        assert torch.equal(found.carry.frames, ran), begin
        part = found.traj
        stacked, _ = stack_frames(part.obs, part.first, found.carry.frames)
        assert torch.equal(stacked, whole[begin:])


def test_a_burnt_in_memory_is_that_of_the_run() -> None:
    """From an episode's first row on, what the policy believed comes back."""
    env = CountingConfig().build(B, "cpu")
    config = PpoAgentConfig(
        encoder=NatureConfig(size=16, precision=Precision.FLOAT32),
        core=RecurrentConfig(9, 2),
        ppo=PpoConfig(num_steps=T, num_minibatches=2),
    )
    agent = config.build(env, None, None, seed=0)
    with torch.no_grad():
        # frames are almost black
        agent.belief.encoder.get_parameter("head.weight").mul_(4e3)
    agent.begin()
    experience = agent.collector.collect()[0]
    buffer = ReplayBuffer(1)
    buffer.add(experience.traj, experience.carry, experience.extras)
    # rows 1 … T-1 where an episode begins; the window starts one row earlier
    row, envs = experience.traj.first[1:-1].nonzero().unbind(-1)
    assert len(row) == 4
    found = buffer.window(0 * row, envs, row, 1)
    with torch.no_grad():
        past = buffer.window(0 * row, envs, 0 * row, 1)
        assert torch.equal(past.carry.memory, experience.carry.memory[envs])
        seen = agent.belief.throughout(found.traj, found.carry).belief
    believed = experience.extras["belief"]
    assert believed.std(0).mean() > 0.03
    torch.testing.assert_close(seen[1], believed[row + 1, envs], rtol=1e-4, atol=1e-5)


def test_draws_repeat_by_seed_and_reach_every_window() -> None:
    buffer = filled(rollouts(2))
    drawn = []
    for seed in (1, 2, 1):
        generator = torch.Generator().manual_seed(seed)
        drawn.append(buffer.sample(300, generator, num_steps=9))
    one, two, again = (decode(x.traj.obs) for x in drawn)
    assert torch.equal(one.step, again.step)
    assert not torch.equal(one.env, two.env)
    assert one.step.shape == (10, 300)
    places = {tuple(int(y[0, i]) for y in one) for i in range(300)}
    # 6 envs, 22 - 9 + 1 beginnings: nearly all; no two show the same first row
    assert 75 < len(places) <= 84
    whole = buffer.sample(5, torch.Generator().manual_seed(1))
    assert whole.traj.num_steps == T


def stream(experiences: list[Experience]) -> Trajectory:
    """Consecutive rollouts as one."""
    parts = [x.traj for x in experiences]
    steps = ("action", "reward", "terminated", "truncated")
    every: dict[str, Any] = {
        n: torch.cat([getattr(x, n) for x in parts]) for n in steps
    }
    for name in ("obs", "first"):
        rows = [getattr(x, name)[:-1] for x in parts]
        every[name] = torch.cat([*rows, getattr(parts[-1], name)[-1:]])
    return Trajectory(**every)


@pytest.mark.parametrize("steps", [1, 4, T, T + 3, 3 * T])
def test_windows_run_across_seams_as_the_streams_did(steps: int) -> None:
    """The latest three of five rollouts; they lie in the slots 2, 0, 1."""
    experiences = rollouts(5)
    buffer = filled(experiences)
    whole = stream(experiences[2:])
    noted = torch.cat([x.extras["belief"] for x in experiences[2:]])
    envs = torch.tensor([4, 1])
    for begin in range(3 * T - steps + 1):
        slot = (2 + begin // T) % 3
        found = window(buffer, [slot] * 2, envs.tolist(), [begin % T] * 2, steps)
        same(found.traj, whole.envs(envs).steps(begin, begin + steps))
        assert torch.equal(found.extras["belief"], noted[begin : begin + steps, envs])
        if begin:
            assert torch.equal(found.carry.action, whole.action[begin - 1, envs])
        else:
            same(found.carry, experiences[2].carry.envs(envs))


def test_every_transition_is_drawn_alike_and_none_that_is_overwritten() -> None:
    buffer = filled(rollouts(5))
    generator = torch.Generator().manual_seed(4)
    for newest, rows in ((None, 3 * T), (2, 2 * T), (99, 3 * T)):
        drawn = buffer.sample(20_000, generator, 1, newest)
        env, episode, step = decode(drawn.traj.obs[0])
        _, counts = (1_000_000 * env + 1_000 * episode + step).unique(
            return_counts=True
        )
        assert len(counts) == rows * B
        each = 20_000 / len(counts)
        assert (counts - each).abs().max() < 6 * each**0.5


def test_no_window_runs_over_the_newest_row_into_the_oldest() -> None:
    buffer = filled(rollouts(5))
    generator = torch.Generator().manual_seed(4)
    drawn = buffer.sample(2_000, generator, T + 2)
    env, episode, step = decode(drawn.traj.obs)
    assert torch.equal(env, env[:1].expand_as(env))
    goes_on = (step[1:] == step[:-1] + 1) & (episode[1:] == episode[:-1])
    begins = (step[1:] == 0) & (episode[1:] == episode[:-1] + 1)
    assert (goes_on | begins).all()
    assert torch.equal(begins, drawn.traj.first[1:])


def test_vectors_are_kept_beside_frames() -> None:
    old = rollouts(1)[0]
    vector = torch.randn(T + 1, B, 4)
    parts = {x.name: getattr(old.traj, x.name) for x in fields(old.traj)}
    traj = Trajectory(**(parts | {"vector": vector}))
    buffer = ReplayBuffer(2)
    buffer.add(traj, old.carry)
    found = window(buffer, [0, 0], [5, 2], [3, 1], 4)
    assert found.traj.vector is not None
    assert torch.equal(found.traj.vector[:, 0], vector[3:8, 5])
    assert torch.equal(found.traj.vector[:, 1], vector[1:6, 2])
    assert filled([old]).sample(1, torch.Generator()).traj.vector is None


def test_a_saved_one_goes_on_where_it_was() -> None:
    experiences = rollouts(6)
    buffer = filled(experiences[:4])
    file = io.BytesIO()
    torch.save(buffer.state_dict(), file)
    file.seek(0)
    again = ReplayBuffer(3)
    again.load_state_dict(torch.load(file, weights_only=True))
    for experience in experiences[4:]:
        for each in (buffer, again):
            extras = {name: experience.extras[name] for name in ("log_prob", "belief")}
            each.add(experience.traj, experience.carry, extras)
        one, two = (
            x.sample(20, torch.Generator().manual_seed(3), 5) for x in (buffer, again)
        )
        same(one.traj, two.traj)
        same(one.carry, two.carry)
        assert torch.equal(one.extras["belief"], two.extras["belief"])
    with pytest.raises(ValueError, match="holds 3 rollouts, this one 4"):
        ReplayBuffer(capacity=4).load_state_dict(buffer.state_dict())


@pytest.mark.parametrize("steps", [0, 2 * T + 1])
def test_windows_lie_within_what_was_kept(steps: int) -> None:
    with pytest.raises(ValueError, match=f"windows of {steps} steps in 2 rollouts"):
        filled(rollouts(2)).sample(3, torch.Generator(), steps)


def test_empty_buffer_says_so() -> None:
    with pytest.raises(RuntimeError, match="empty"):
        ReplayBuffer(2).sample(3, torch.Generator())


def test_capacity_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ReplayBuffer(0)
