"""Plain regression, against sums of squares."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.bootstrap.regression import Regression, RegressionConfig
from ssl_objectives.objective import Sizes, TargetKind, Views

G, N, D = 4, 7, 5


def rows(generator: torch.Generator) -> Tensor:
    return 3 * torch.randn(G, N, D, generator=generator)


def one_pair(p: Tensor, t: Tensor, valid: Tensor | None = None) -> Views:
    return Views((None, None), (p, None), (None, t), ((0, 1),), valid)


def naive(p: Tensor, t: Tensor) -> float:
    return sum((float(a) - float(b)) ** 2 for a, b in zip(p, t, strict=True)) / D


def test_one_pair_is_the_mean_squared_error(generator: torch.Generator) -> None:
    p, t = rows(generator), rows(generator)
    valid = torch.rand(G, N, generator=generator) < 0.6
    loss = Regression()(one_pair(p, t, valid))
    assert loss.per_sample is not None
    for g in range(G):
        for n in range(N):
            want = naive(p[g, n], t[g, n]) if valid[g, n] else 0.0
            assert loss.per_sample[g, n].item() == pytest.approx(want, rel=1e-5)
    assert loss.regularizer == 0


def test_several_pairs_are_averaged(generator: torch.Generator) -> None:
    p, t = [rows(generator) for _ in range(2)], [rows(generator) for _ in range(2)]
    views = Views((None, None), (p[0], p[1]), (t[0], t[1]), ((0, 1), (1, 0)))
    loss = Regression()(views).per_sample
    assert loss is not None
    for g in range(G):
        for n in range(N):
            want = (naive(p[0][g, n], t[1][g, n]) + naive(p[1][g, n], t[0][g, n])) / 2
            assert loss[g, n].item() == pytest.approx(want, rel=1e-5)


def test_length_counts_and_the_optimum_is_the_target(
    generator: torch.Generator,
) -> None:
    """Unlike BYOL's; and twice the distance is four times the loss."""
    p, t = rows(generator), rows(generator)
    objective = Regression()
    assert not objective(one_pair(t, t)).per_sample.any()
    plain = objective(one_pair(p, t)).per_sample
    twice = objective(one_pair(t + 2 * (p - t), t)).per_sample
    torch.testing.assert_close(twice, 4 * plain)


def test_gradient_is_the_difference_and_the_target_has_none(
    generator: torch.Generator,
) -> None:
    p, t = rows(generator).requires_grad_(), rows(generator).requires_grad_()
    valid = torch.rand(G, N, generator=generator) < 0.6
    loss = Regression()(one_pair(p, t, valid)).per_sample
    assert loss is not None
    loss.sum().backward()
    assert t.grad is None
    want = 2 * (p - t).detach() / D * valid.unsqueeze(-1)
    torch.testing.assert_close(p.grad, want)


def test_low_precision_is_subtracted_in_float32() -> None:
    p, t = torch.full((1, 1), 256.0), torch.full((1, 1), 257.0)
    loss = Regression()(one_pair(p.bfloat16(), t)).per_sample
    torch.testing.assert_close(loss, torch.ones(1))


def test_contract() -> None:
    check_objective(RegressionConfig().build)
    assert RegressionConfig().build(Sizes(D)).needs.target is TargetKind.STOP
    assert not Regression().state_dict()
