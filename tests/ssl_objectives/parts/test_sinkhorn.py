"""Sinkhorn against the naive iteration, and against the best assignment."""

import itertools

import pytest
import torch
from torch import Tensor

from ssl_objectives.parts.sinkhorn import balanced_codes, transport_plan


def naive_codes(scores: Tensor, eps: float, iterations: int) -> Tensor:
    """Rows and columns of exp(s/ε) divided by their sums, number by number."""
    q = [[float((s / eps).exp()) for s in row] for row in scores]
    for _ in range(iterations):
        for k in range(len(q[0])):
            mass = sum(row[k] for row in q)
            for row in q:
                row[k] /= mass
        q = [[x / sum(row) for x in row] for row in q]
    return torch.tensor(q, dtype=torch.float64)


def cosines(generator: torch.Generator, *shape: int) -> Tensor:
    return 2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1


def test_codes_against_the_naive_iteration(generator: torch.Generator) -> None:
    scores = cosines(generator, 2, 9, 4)
    codes = balanced_codes(scores)
    for g in range(2):
        torch.testing.assert_close(codes[g], naive_codes(scores[g], 0.05, 3))


def test_rows_sum_to_one_and_classes_come_to_it(generator: torch.Generator) -> None:
    scores = cosines(generator, 12, 5)
    away = []
    for iterations in (1, 3, 30, 300):
        codes = balanced_codes(scores, iterations=iterations)
        torch.testing.assert_close(codes.sum(-1), torch.ones(12).double())
        away.append(float((codes.sum(0) - 12 / 5).abs().max()))
    assert away == sorted(away, reverse=True)
    assert away[0] > 0.01
    assert away[-1] < 1e-6


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    scores = cosines(generator, 2, 6, 4)
    valid = torch.tensor([[True, False, True, True, False, True], [False] * 6])
    codes = balanced_codes(scores, valid=valid)
    torch.testing.assert_close(codes[0][valid[0]], balanced_codes(scores[0][valid[0]]))
    assert not codes[~valid].any()
    assert codes.isfinite().all()


def test_half_precision_and_extreme_scores_stay_finite() -> None:
    scores = torch.eye(6, 4).mul(60).to(torch.bfloat16)
    codes = balanced_codes(scores)
    assert codes.dtype == torch.float32
    assert codes.isfinite().all()
    torch.testing.assert_close(codes.sum(-1), torch.ones(6))


def test_equal_rows_get_uniform_codes() -> None:
    codes = balanced_codes(torch.tensor([0.9, -0.3, 0.1]).expand(7, 3))
    torch.testing.assert_close(codes, torch.full((7, 3), 1 / 3))


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        balanced_codes(torch.zeros(2, 2), eps=0.0)
    with pytest.raises(ValueError, match="iteration"):
        balanced_codes(torch.zeros(2, 2), iterations=0)
    with pytest.raises(ValueError, match="iteration"):
        transport_plan(torch.zeros(2, 2), max_iterations=0)


def test_the_plan_has_its_marginals_and_form(generator: torch.Generator) -> None:
    scores = 3 * cosines(generator, 20, 4)
    plan = transport_plan(scores.float(), strength=5.0, tolerance=1e-9)
    assert plan.dtype == torch.float64
    torch.testing.assert_close(plan.sum(1), torch.full((20,), 1 / 20).double())
    torch.testing.assert_close(plan.sum(0), torch.full((4,), 1 / 4).double())
    # diag(r) P^λ diag(c): in the log, nothing but row and column terms is added
    rest = plan.log() - 5 * scores.float().double()
    rest = rest - rest[:1] - rest[:, :1] + rest[:1, :1]
    torch.testing.assert_close(rest, torch.zeros_like(rest))


def test_it_stops_when_little_changes_and_at_the_latest_when_told(
    generator: torch.Generator,
) -> None:
    scores = 3 * cosines(generator, 30, 3)
    away = [
        float((transport_plan(scores, 25.0, *limits).sum(0) - 1 / 3).abs().max())
        for limits in ((0.0, 1), (0.1, 2000), (1e-10, 2000))
    ]
    assert away[0] > away[1] > away[2]
    assert away[2] < 1e-3


def naive_plan(scores: Tensor, strength: float, iterations: int) -> Tensor:
    """Every iteration in the log domain."""
    log_p = strength * scores.log_softmax(-1)
    for _ in range(iterations):
        log_p = log_p - log_p.logsumexp(0) - torch.tensor(log_p.shape[1]).log()
        log_p = (log_p.T - log_p.logsumexp(1) - torch.tensor(len(log_p)).log()).T
    return log_p.exp()


@pytest.mark.parametrize("strength", [3.0, 300.0, 3000.0])
def test_scales_that_grow_out_of_range(
    strength: float, generator: torch.Generator
) -> None:
    """Rows differ so much that the last plan is computed anew on the way."""
    scores = cosines(generator, 9, 3)
    scores[:, 1] += 4
    got = transport_plan(scores, strength, tolerance=0.0, max_iterations=200)
    want = naive_plan(scores, strength, 201)
    # computing it anew is one more iteration, which still changes a little
    torch.testing.assert_close(got, want, atol=2e-5, rtol=0)


def test_a_strong_plan_is_the_best_assignment(generator: torch.Generator) -> None:
    """Eight rows, four classes of two: all 2,520 assignments are tried."""
    log_p = (3 * cosines(generator, 8, 4)).log_softmax(-1)
    labels = sorted(set(itertools.permutations([0, 0, 1, 1, 2, 2, 3, 3])))
    assert len(labels) == 2520
    value = log_p[torch.arange(8), torch.tensor(labels)].sum(-1)
    best = torch.tensor(labels[int(value.argmax())])
    greedy = log_p.argmax(-1)
    assert not torch.equal(best, greedy)  # else balance had no part in it
    plan = transport_plan(log_p, strength=200.0, tolerance=1e-6, max_iterations=20000)
    assert torch.equal(plan.argmax(-1), best)
    hard = torch.nn.functional.one_hot(best, 4) / 8
    torch.testing.assert_close(plan, hard.double(), atol=1e-3, rtol=0)


def test_powers_beyond_float32_are_no_trouble() -> None:
    scores = torch.tensor([[0.0, 60.0, 0.0], [0.0, 50.0, 1.0], [0.0, 40.0, 0.0]])
    plan = transport_plan(scores, strength=25.0)
    assert plan.isfinite().all()
    assert plan.argmax(-1).tolist() == [1, 2, 0]
