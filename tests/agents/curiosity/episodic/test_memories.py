"""Memories of episodes beside loops over envs and rows that keep whole episodes."""

import pytest
import torch
from torch import Tensor

from agents.curiosity.episodic.ellipsoid import EpisodicEllipsoid
from agents.curiosity.episodic.neighbours import EpisodicNeighbours
from agents.curiosity.episodic.visits import EpisodicVisits
from tests.agents.curiosity.made import B, T, by_episode, in_a_row, rollouts, some

D = 5


@pytest.mark.parametrize("ends", [0.0, 0.25])
def test_the_ellipsoid_is_that_of_an_explicit_inverse(
    generator: torch.Generator, ends: float
) -> None:
    streamed = some(rollouts(ends=ends), 4)
    rows = [torch.randn(T + 1, B, D, generator=generator) for _ in streamed]
    in_a_row(rows)

    def worth(episode: list[Tensor], row: Tensor) -> float:
        scatter = 0.1 * torch.eye(D, dtype=torch.float64)
        for x in episode:
            scatter += torch.outer(x.double(), x.double())
        return float(row.double() @ torch.linalg.inv(scatter) @ row.double())

    memory = EpisodicEllipsoid(B, D, ridge=0.1)
    valid = [x.valid for x in streamed]
    want = by_episode(rows, streamed, worth)
    for row, scored, inside, wanted in zip(rows, streamed, valid, want, strict=True):
        got = memory.along(row, scored.traj.first).masked_fill(~inside, 0.0)
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def test_the_inverse_stays_one_over_a_long_episode(generator: torch.Generator) -> None:
    memory = EpisodicEllipsoid(2, 16, ridge=0.1)
    scatter = 0.1 * torch.eye(16).double()
    never = torch.zeros(101, 2, dtype=torch.bool)
    for i in range(40):
        rows = torch.randn(101, 2, 16, generator=generator)
        memory.along(rows, never)
        told = rows[1 if i else 0 :].double()
        scatter = scatter + torch.einsum("rbi,rbj->bij", told, told)
    torch.testing.assert_close(
        memory.own("inverse").double(), torch.linalg.inv(scatter), rtol=1e-4, atol=1e-8
    )


@pytest.mark.parametrize("kept", [4, 30])
def test_visits_are_those_of_the_episodes_last_rows(
    generator: torch.Generator, kept: int
) -> None:
    streamed = some(rollouts(ends=0.08), 4)
    rows = [torch.randint(0, 4, (T + 1, B), generator=generator) for _ in streamed]
    in_a_row(rows)

    def worth(episode: list[Tensor], row: Tensor) -> float:
        return sum(bool(x == row) for x in episode[-kept:])

    memory = EpisodicVisits(B, kept)
    want = by_episode(rows, streamed, worth)
    for row, scored, wanted in zip(rows, streamed, want, strict=True):
        got = memory.along(row, scored.traj.first).masked_fill(~scored.valid, 0)
        assert got.tolist() == wanted.long().tolist()


@pytest.mark.parametrize("kept", [4, 30])
def test_neighbours_are_the_nearest_of_the_episode(
    generator: torch.Generator, kept: int
) -> None:
    streamed = some(rollouts(ends=0.1), 4)
    rows = [torch.randn(T + 1, B, D, generator=generator) for _ in streamed]
    in_a_row(rows)
    memory = EpisodicNeighbours(B, D, kept, nearest=3)
    got = [memory.along(x, s.traj.first) for x, s in zip(rows, streamed, strict=True)]
    for place in range(3):

        def worth(episode: list[Tensor], row: Tensor, place: int = place) -> float:
            apart = sorted(float((x - row).square().sum()) for x in episode[-kept:])
            return apart[place] if place < len(apart) else float("inf")

        want = by_episode(rows, streamed, worth)
        for found, scored, wanted in zip(got, streamed, want, strict=True):
            nearest = found[..., place].masked_fill(~scored.valid, 0.0)
            torch.testing.assert_close(nearest, wanted)
