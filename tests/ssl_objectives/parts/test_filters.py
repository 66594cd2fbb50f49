"""Filters of candidates against loops over sorted lists."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.objective import Views
from ssl_objectives.parts.annealing import Annealing, Exponential, Linear, Stairs
from ssl_objectives.parts.candidates import Candidates
from ssl_objectives.parts.filters import CandidateFilter, Ring, Sample, TopK
from ssl_objectives.parts.losses import softmax_over_candidates
from tests.shapes import rounds

NOTHING = Views((), (), (), ())


def made(
    generator: torch.Generator, num: int = 4, width: int = 23
) -> tuple[Tensor, Candidates]:
    """Scores; a positive per row, and some candidates that take no part."""
    logits = torch.randn(2, num, width, generator=generator)
    key = torch.randn(2, width, 5, generator=generator)
    positive = torch.zeros(2, num, width, dtype=torch.bool)
    positive[:, torch.arange(num), 3 * torch.arange(num)] = True
    keep = torch.rand(2, num, width, generator=generator) < 0.7
    return logits, Candidates(key, positive, keep | positive)


def ranked(logits: Tensor, candidates: Candidates, g: int, n: int) -> list[int]:
    """The negatives of a query, the nearest first."""
    columns = [
        m
        for m in range(logits.shape[-1])
        if candidates.keep[g, n, m] and not candidates.positive[g, n, m]
    ]
    return sorted(columns, key=lambda m: -float(logits[g, n, m]))


def kept(candidates: Candidates, g: int, n: int) -> set[int]:
    negative = candidates.keep[g, n] & ~candidates.positive[g, n]
    return set(negative.nonzero().flatten().tolist())


@pytest.mark.parametrize("k", [1, 5, 12, 100])
def test_top_k_keeps_the_nearest(k: int, generator: torch.Generator) -> None:
    logits, given = made(generator)
    found = TopK(k)(logits, given, NOTHING)
    assert torch.equal(found.positive, given.positive)
    assert (found.keep | ~given.positive).all(), "positives stay"
    for g in range(2):
        for n in range(4):
            assert kept(found, g, n) == set(ranked(logits, given, g, n)[:k])


@pytest.mark.parametrize(
    ("lower", "upper"), [(0.0, 0.3), (0.1, 0.4), (0.25, 0.26), (0.5, 1.0), (0.0, 1.0)]
)
def test_a_ring_is_a_slice_of_the_sorted_list(
    lower: float, upper: float, generator: torch.Generator
) -> None:
    logits, given = made(generator)
    found = Ring(lower, upper)(logits, given, NOTHING)
    assert (found.keep | ~given.positive).all(), "positives stay"
    for g in range(2):
        for n in range(4):
            order = ranked(logits, given, g, n)
            first, last = math.floor(lower * len(order)), math.ceil(upper * len(order))
            assert kept(found, g, n) == set(order[first:last])
            assert kept(found, g, n), "there is always somebody"


def test_edges_are_decimal_numbers(generator: torch.Generator) -> None:
    """0.07 * 100 is a little more than 7 in floating point."""
    logits, given = made(generator, width=101)
    given = given._replace(keep=torch.ones_like(given.keep))
    found = Ring(0.0, 0.07)(logits, given, NOTHING)
    assert (found.keep.sum(-1) == 1 + 7).all()
    found = Ring(0.29, 0.57)(logits, given, NOTHING)
    assert (found.keep.sum(-1) == 1 + 28).all()


def test_the_inner_edge_can_be_a_share_of_the_outer() -> None:
    assert Ring(0.1, 0.5).edges == (0.1, 0.5)
    assert Ring(0.1, 0.5, dynamic_inner=True).edges == (0.05, 0.5)
    assert Ring(0.1, 0.1, dynamic_inner=True).edges == pytest.approx((0.01, 0.1))


def loss(logits: Tensor, candidates: Candidates) -> Tensor:
    return softmax_over_candidates(logits, candidates.positive, candidates.keep)


def test_wider_rings_hold_narrower_ones(generator: torch.Generator) -> None:
    """And the loss grows with them: there are more negatives."""
    logits, given = made(generator, width=60)
    bands = [(0.4, 0.5), (0.3, 0.5), (0.3, 0.8), (0.0, 0.8), (0.0, 1.0)]
    found = [Ring(*x)(logits, given, NOTHING) for x in bands]
    for inner, outer in itertools.pairwise(found):
        assert (outer.keep | ~inner.keep).all()
        assert (loss(logits, outer) > loss(logits, inner)).all()


def test_as_many_negatives_from_nearer_are_harder(generator: torch.Generator) -> None:
    """Ring and a draw from it, against a draw from everywhere, in expectation."""
    logits, given = made(generator, num=6, width=80)
    ring, sample = Ring(0.0, 0.4), Sample(8)
    near, anywhere = [], []
    for _ in range(50):
        drawn = sample(logits, ring(logits, given, NOTHING), NOTHING)
        even = sample(logits, given, NOTHING)
        assert torch.equal(drawn.keep.sum(-1), even.keep.sum(-1))
        near.append(loss(logits, drawn))
        anywhere.append(loss(logits, even))
        sample.observe(NOTHING)
    assert (torch.stack(near).mean(0) > torch.stack(anywhere).mean(0) + 0.1).all()


@pytest.mark.parametrize("k", [1, 6, 100])
def test_a_sample_is_k_of_the_negatives(k: int, generator: torch.Generator) -> None:
    logits, given = made(generator)
    sample = Sample(k)
    found = sample(logits, given, NOTHING)
    again = sample(logits, given, NOTHING)
    assert torch.equal(found.keep, again.keep)
    assert (found.keep | ~given.positive).all(), "positives stay"
    for g in range(2):
        for n in range(4):
            all_of_them = set(ranked(logits, given, g, n))
            assert kept(found, g, n) <= all_of_them
            assert len(kept(found, g, n)) == min(k, len(all_of_them))


def test_a_sample_takes_every_negative_equally_often(
    generator: torch.Generator,
) -> None:
    logits, given = made(generator, width=12)
    given = given._replace(keep=torch.ones_like(given.keep))
    sample, count = Sample(3), torch.zeros(given.keep.shape)
    for _ in rounds(500):
        count += sample(logits, given, NOTHING).keep.float()
        sample.observe(NOTHING)
    share = count[~given.positive] / 500
    assert (share - 3 / 11).abs().max() < 0.085  # 4.3 standard errors


@pytest.mark.parametrize(
    ("annealing", "values"),
    [
        (Linear(0.5), [1.0, 0.82, 0.64, 0.46, 0.28, 0.1, 0.1]),
        (Exponential(0.5), [1.0, 0.1**0.2, 0.1**0.4, 0.1**0.6, 0.1**0.8, 0.1, 0.1]),
        (Stairs(0.5, 2), [1.0, 1.0, 1.0, 0.55, 0.55, 0.1, 0.1]),
        (Linear(1.0), [1.0, 0.91, 0.82, 0.73, 0.64, 0.55, 0.46]),
    ],
)
def test_the_outer_edge_shrinks(annealing: Annealing, values: list[float]) -> None:
    ring = Ring(0.2, 0.1, True, annealing, num_steps=10)
    for value in values:
        assert ring.edges == pytest.approx((0.2 * value, value))
        ring.observe(NOTHING)
    twin = Ring(0.2, 0.1, True, annealing, num_steps=10)
    twin.load_state_dict(ring.state_dict())
    assert twin.edges == ring.edges


@pytest.mark.parametrize("choose", [TopK(3), Ring(0.1, 0.5), Sample(3)])
def test_a_query_without_negatives_keeps_its_positive(
    choose: CandidateFilter, generator: torch.Generator
) -> None:
    logits, given = made(generator)
    keep = given.keep.clone()
    keep[0, 2] = given.positive[0, 2]
    found = choose(logits, given._replace(keep=keep), NOTHING)
    assert torch.equal(found.keep[0, 2], given.positive[0, 2])


@pytest.mark.parametrize("choose", [TopK(3), Ring(0.1, 0.5), Sample(3)])
def test_choices_have_no_gradient(
    choose: CandidateFilter, generator: torch.Generator
) -> None:
    logits, given = made(generator)
    found = choose(logits.requires_grad_(), given, NOTHING)
    assert found.keep.dtype == torch.bool
    (gradient,) = torch.autograd.grad(loss(logits, found).sum(), logits)
    assert not gradient[~found.keep].any()
    assert gradient[found.keep].all()


def test_what_cannot_be_built() -> None:
    for lower, upper in [(-0.1, 0.5), (0.2, 1.5), (1.0, 1.0), (0.0, 0.0)]:
        with pytest.raises(ValueError, match="edges of a ring"):
            Ring(lower, upper)
    with pytest.raises(ValueError, match="is empty"):
        Ring(0.5, 0.4)
    with pytest.raises(ValueError, match="number of steps"):
        Ring(0.1, 0.4, annealing=Linear())
    for choose in (TopK, Sample):
        with pytest.raises(ValueError, match="at least 1"):
            choose(0)
    with pytest.raises(ValueError, match="until"):
        Linear(0.0)
    with pytest.raises(ValueError, match="stairs"):
        Stairs(stairs=0)
