"""Temporal losses against loops, and what they draw."""

import math

import pytest
import torch
from torch import Tensor

from agents.rewards.temporal.cycles import CycleConsistency
from agents.rewards.temporal.temporal_loss import below
from agents.rewards.temporal.time_contrast import TimeContrast
from agents.rewards.temporal.vip import ValueImplicit

LENGTHS = torch.tensor([12, 17, 30])
TABLE = torch.randn(3, 30, 5, generator=torch.Generator().manual_seed(0))


def embed(demo: Tensor, time: Tensor) -> Tensor:
    assert bool((time >= 0).all())
    assert bool((time < LENGTHS[demo]).all())
    return TABLE[demo, time]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_draws_are_uniform_below_their_bounds() -> None:
    drawn = below(torch.tensor([1, 3]).expand(3000, 2), seeded())
    assert not drawn[:, 0].any()
    share = torch.bincount(drawn[:, 1], minlength=3) / 3000
    assert torch.allclose(share, torch.full((3,), 1 / 3), atol=0.04)


def test_time_contrast_is_the_triplet_loss() -> None:
    loss = TimeContrast(window=2, margin=0.7)
    total = loss(embed, LENGTHS, 40, seeded())
    rows = zip(*(x.tolist() for x in loss.triplets(LENGTHS, 40, seeded())), strict=True)
    expected = []
    for demo, anchor, near, far in rows:
        a, p, n = (TABLE[demo, x] for x in (anchor, near, far))
        apart = float(((a - p) ** 2).sum() - ((a - n) ** 2).sum()) + 0.7
        expected.append(max(0.0, apart))
    assert float(total) == pytest.approx(sum(expected) / 40, rel=1e-5)


def test_triplets_reach_all_frames_that_they_may() -> None:
    """Of the shortest demonstration there is: every anchor has a negative."""
    loss = TimeContrast(window=2)
    lengths = torch.tensor([10])
    loss.check([10])
    _, anchor, near, far = loss.triplets(lengths, 4000, seeded())
    seen = {(int(a), int(n)) for a, n in zip(anchor, near, strict=True)}
    assert seen == {
        (a, n) for a in range(10) for n in range(10) if 1 <= abs(a - n) <= 2
    }
    negatives = {(int(a), int(n)) for a, n in zip(anchor, far, strict=True)}
    assert negatives == {
        (a, n) for a in range(10) for n in range(10) if abs(a - n) >= 5
    }


def test_vip_is_its_equation() -> None:
    loss = ValueImplicit(0.9)
    total = loss(embed, LENGTHS, 30, seeded())
    rows = zip(*(x.tolist() for x in loss.pieces(LENGTHS, 30, seeded())), strict=True)
    first, soft = [], []
    for demo, begin, now, goal in rows:
        assert 0 <= begin <= now < goal < int(LENGTHS[demo])

        def value(time: int, demo: int = demo, goal: int = goal) -> float:
            return -float((TABLE[demo, time] - TABLE[demo, goal]).norm())

        first.append(-value(begin))
        soft.append(math.exp(-(-1 + 0.9 * value(now + 1) - value(now))))
    expected = 0.1 * sum(first) / 30 + math.log(sum(soft) / 30)
    assert float(total) == pytest.approx(expected, rel=1e-4)


def test_vip_is_differentiable_at_its_goal() -> None:
    table = torch.zeros(2, 3, requires_grad=True)

    def alike(demo: Tensor, time: Tensor) -> Tensor:
        return table[time]

    ValueImplicit()(alike, torch.tensor([2]), 4, seeded()).backward()
    assert table.grad is not None
    assert table.grad.isfinite().all()


def test_cycles_are_the_way_there_and_back() -> None:
    loss = CycleConsistency(frames=4, temperature=0.5)
    u, v = TABLE[:2, :4], TABLE[1:, 4:8]
    total, number = 0.0, 0
    for one, other in zip(u, v, strict=True):
        for i in range(4):
            near = [math.exp(-float((one[i] - x).square().mean()) / 0.5) for x in other]
            there = sum(w / sum(near) * x for w, x in zip(near, other, strict=True))
            back = [math.exp(-float((there - x).square().mean()) / 0.5) for x in one]
            at = sum(w / sum(back) * k / 3 for k, w in enumerate(back))
            total, number = total + (at - i / 3) ** 2, number + 1
    assert float(loss.cycled(u, v)) == pytest.approx(total / number, rel=1e-4)


def test_cycles_go_to_another_demonstration_in_order() -> None:
    """Of demonstrations that are alike, hardly anything is lost."""
    loss = CycleConsistency(frames=6, temperature=0.01)
    asked: list[tuple[Tensor, Tensor]] = []

    def line(demo: Tensor, time: Tensor) -> Tensor:
        asked.append((demo, time))
        return (time / LENGTHS[demo])[..., None].float()

    assert float(loss(line, LENGTHS, 60, seeded())) < 0.02
    (one, times), (other, _) = asked
    assert one.shape == (5, 6)
    assert (one != other).all()
    assert (times.diff(dim=1) > 0).all()
