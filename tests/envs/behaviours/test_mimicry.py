"""Mimicry: how the actor wanders, and how the imitator follows."""

import pytest
import torch
from torch import Tensor

from envs.behaviours.mimicry import Mimicry
from tests.envs.behaviours.played import BEHAVIOURS, places, played

BOTH = pytest.mark.parametrize("name", ["mimicry", "mimicry, stochastic"])


def both(name: str, steps: int = 500) -> tuple[Tensor, Tensor]:
    path = places(BEHAVIOURS[name], played(BEHAVIOURS[name], steps))
    return path[:, :, 0], path[:, :, 1]


def expected(actor: Tensor) -> Tensor:
    """The actor two steps before, on the other side."""
    earlier = torch.cat([actor[:1], actor[:1], actor[:-2]])
    return earlier * torch.tensor([-1.0, 1.0])


def test_the_imitator_does_the_same_later_on_the_other_side() -> None:
    actor, imitator = both("mimicry")
    torch.testing.assert_close(imitator, expected(actor), atol=0, rtol=0)


def test_a_stochastic_imitator_misses_a_little() -> None:
    actor, imitator = both("mimicry, stochastic")
    inside = expected(actor).abs() < 0.9
    off = (imitator - expected(actor))[inside]
    assert float(off.abs().max()) <= 0.1 + 1e-6
    assert abs(float(off.mean())) < 0.002
    assert abs(float(off.std()) - 0.2 / 12**0.5) < 0.001  # uniform within ±0.1
    outside = (imitator - expected(actor))[~inside]
    assert float(outside.abs().max()) <= 0.1 + 1e-6


@BOTH
def test_the_actor_keeps_a_direction_for_a_while(name: str) -> None:
    actor, _ = both(name, 2_000)
    way = actor[1:] - actor[:-1]
    free = (actor[:-1].abs() < 0.9).all(-1)
    torch.testing.assert_close(
        way[free].norm(dim=-1), torch.full((int(free.sum()),), 0.1)
    )
    kept = ((way[1:] - way[:-1]).norm(dim=-1) < 1e-5)[free[1:] & free[:-1]]
    assert abs(float(kept.float().mean()) - 0.85) < 0.02


@BOTH
def test_walls_stop_x_or_y_and_give_another_direction(name: str) -> None:
    states = played(Mimicry(name != "mimicry"), 2_000)
    actor, angle = states[..., :2], states[..., 6]
    way = actor[1:] - actor[:-1]
    short = way.norm(dim=-1) < 0.1 - 1e-5
    assert int(short.sum()) > 100
    assert (angle[1:] != angle[:-1])[short].all()
    stopped = way == 0
    assert stopped.any(-1)[short].all()
    assert (actor[:-1].abs()[stopped & short[..., None]] > 0.9).all()
    assert float(stopped.all(-1).float().mean()) < 0.01  # but in corners
