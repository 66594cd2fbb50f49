"""Rollouts cut from steps of envs that reset at once: every transition, once."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from agents.beside.shown import Moved, Shown
from agents.beside.streams import Streams
from envs.counting import CountingConfig, decode
from tests.agents.beside.same_step import SameStep
from world_models.belief import Carry
from world_models.frames import stack_frames
from world_models.trajectory import Trajectory

T, B, P = 7, 4, 2


def played(steps: int) -> tuple[list[Moved], list[tuple[Trajectory, Carry]]]:
    world = SameStep(CountingConfig().build(B, "cpu"))
    streams = Streams(B, T, P)
    streams.restart(world.now, torch.zeros(B, dtype=torch.int64))
    moves, cuts = [], []
    for _ in range(steps):
        moves.append(world.step())
        streams.add(moves[-1])
        while streams.ready:
            cuts.append(streams.cut())
    return moves, cuts


def whole(cuts: list[tuple[Trajectory, Carry]]) -> Trajectory:
    def along(name: str, rows: Callable[[Tensor], Tensor]) -> Tensor:
        return torch.cat([rows(getattr(x, name)) for x, _ in cuts])

    last = cuts[-1][0]
    led: dict[str, Any] = {
        name: along(name, lambda x: x)
        for name in ("action", "reward", "terminated", "truncated")
    }
    ahead: dict[str, Any] = {
        name: torch.cat([along(name, lambda x: x[:-1]), getattr(last, name)[-1:]])
        for name in ("obs", "first")
    }
    return Trajectory(**led, **ahead)


def test_every_transition_is_there_once_and_in_order() -> None:
    moves, cuts = played(90)
    traj = whole(cuts)
    for i in range(B):
        valid = traj.valid[:, i].nonzero().flatten()
        there = decode(traj.obs[1:, i][valid])
        want = decode(torch.stack([x.arrived.obs[i] for x in moves]))
        for got, true in zip(there, want, strict=True):
            torch.testing.assert_close(got, true[: len(valid)])
        for name in ("action", "reward", "terminated", "truncated"):
            true = torch.stack([getattr(x, name)[i] for x in moves])[: len(valid)]
            torch.testing.assert_close(getattr(traj, name)[valid, i], true)
    assert (traj.terminated.any() & traj.truncated.any()).item()


def test_an_end_is_followed_by_the_first_row_of_the_next_episode() -> None:
    traj = whole(played(90)[1])
    ended = traj.terminated | traj.truncated
    assert torch.equal(traj.first[2:], ended[:-1])
    assert not decode(traj.obs).step[traj.first].any()
    step, first = decode(traj.obs).step, traj.first
    assert torch.equal(step[1:][~first[1:]], (step[:-1] + 1)[~first[1:]])


def test_frames_and_action_before_a_rollout_are_those_of_its_episode() -> None:
    _, cuts = played(90)
    traj = whole(cuts)
    nothing = torch.zeros(P, B, *traj.obs.shape[2:], dtype=torch.uint8)
    for n, (_, carry) in enumerate(cuts):
        if n == 0:
            assert not carry.frames.any()
            continue
        t = n * T
        _, want = stack_frames(traj.obs[:t], traj.first[:t], nothing)
        begins = traj.first[t]
        kept = want.masked_fill(begins[:, None, None, None], 0)
        torch.testing.assert_close(carry.frames, kept)
        assert torch.equal(carry.action[~begins], traj.action[t - 1][~begins])


def test_an_env_far_ahead_begins_anew() -> None:
    """Env 0 ends at each step and has twice the rows of env 1."""
    streams, cuts = Streams(2, T), []
    seen = iter(range(1, 10_000))

    def shown() -> Shown:
        number = next(seen)
        return Shown(torch.full((2, 1, 2, 3), number % 256, dtype=torch.uint8))

    zeros = torch.zeros(2, dtype=torch.int64)
    ended, never = torch.tensor([True, False]), torch.zeros(2, dtype=torch.bool)
    streams.restart(shown(), zeros)
    for _ in range(20 * T):
        reward = torch.ones(2)
        streams.add(Moved(zeros, reward, ended, never, shown(), shown()))
        while streams.ready:
            cuts.append(streams.cut()[0])
    assert len(cuts) == 20
    for before, after in pairwise(cuts):
        torch.testing.assert_close(before.obs[-1, 1], after.obs[0, 1])
        jumped = (before.obs[-1, 0] != after.obs[0, 0]).any()
        assert not jumped or after.first[0, 0]
    assert all(x.valid[:, 1].all() for x in cuts)


def test_a_stream_without_an_end_is_cut_where_it_must() -> None:
    """It got ahead long ago: what lies between two rows is marked as a seam."""
    streams = Streams(2, T)
    zeros, never = torch.zeros(2, dtype=torch.int64), torch.zeros(2, dtype=torch.bool)
    ended = torch.tensor([True, False])
    blank = Shown(torch.zeros(2, 1, 2, 3, dtype=torch.uint8))
    streams.restart(blank, zeros)
    for t in range(30 * T):
        now = ended if t < T + 4 or t % 40 == 0 else never
        streams.add(Moved(zeros, torch.ones(2), now, never, blank, blank))
        while streams.ready:
            traj, _ = streams.cut()
            assert traj.num_steps == T
        assert (streams.end - streams.begin <= streams.length).all()


def test_state_goes_on() -> None:
    world = SameStep(CountingConfig().build(B, "cpu"))
    one, two = Streams(B, T, P), Streams(B, T, P)
    one.restart(world.now, torch.zeros(B, dtype=torch.int64))
    for _ in range(6):
        one.add(world.step())
    two.load_state_dict(one.state_dict(), torch.device("cpu"))
    two.rows = {name: x.clone() for name, x in two.rows.items()}
    for _ in range(6):
        moved = world.step()
        one.add(moved)
        two.add(moved)
    assert one.ready
    torch.testing.assert_close(vars(one.cut()[0]), vars(two.cut()[0]))
