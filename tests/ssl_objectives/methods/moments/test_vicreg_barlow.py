"""Moment methods against numpy loops, and their closed values."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.moments.vicreg_barlow import (
    BarlowConfig,
    BarlowTwins,
    VicReg,
    VicRegConfig,
)
from ssl_objectives.objective import Sizes, Views

BOTH = ((0, 1), (1, 0))


def two_views(a: Tensor, b: Tensor, valid: Tensor | None = None) -> Views:
    return Views((a, b), (a, b), (a, b), BOTH, valid)


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def naive_vicreg(a: Tensor, b: Tensor) -> tuple[float, float]:
    """Invariance and regulariser of one group, from the equations."""
    size = a.shape[1]
    invariance = 25 * float(np.mean((a.numpy() - b.numpy()) ** 2))
    regularizer = 0.0
    for x in (a.numpy(), b.numpy()):
        hinge = [
            max(0.0, 1 - np.sqrt(np.var(x[:, d], ddof=1) + 1e-4)) for d in range(size)
        ]
        regularizer += 25 * sum(hinge) / size / 2
        covariance = np.cov(x.T)
        regularizer += (
            sum(
                covariance[i, j] ** 2
                for i in range(size)
                for j in range(size)
                if i != j
            )
            / size
        )
    return invariance, regularizer


@pytest.mark.parametrize("size", [4, 14])  # fewer and more columns than rows
def test_vicreg_against_loops(size: int, generator: torch.Generator) -> None:
    a, b = 0.7 * rows(generator, 3, 9, size), 0.7 * rows(generator, 3, 9, size)
    loss = VicReg()(two_views(a, b))
    assert loss.per_sample is not None
    wanted = [naive_vicreg(a[g], b[g]) for g in range(3)]
    for g in range(3):
        assert loss.per_sample[g].mean().item() == pytest.approx(wanted[g][0])
    regularizer = float(np.mean([x[1] for x in wanted]))
    assert loss.regularizer.item() == pytest.approx(regularizer)


def test_vicreg_closed_values(generator: torch.Generator) -> None:
    constant = torch.full((8, 5), 3.0)
    collapsed = VicReg()(two_views(constant, constant))
    assert collapsed.per_sample is not None
    assert not collapsed.per_sample.any()
    assert collapsed.regularizer.item() == pytest.approx(24.75, abs=1e-4)
    x = rows(generator, 300, 5)
    x = x - x.mean(0)
    white = x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T
    loss = VicReg()(two_views(white, white))
    assert loss.regularizer.item() == pytest.approx(0.0, abs=1e-12)


def test_vicreg_of_a_world_model_regularises_what_was_seen(
    generator: torch.Generator,
) -> None:
    prediction, target = rows(generator, 2, 6, 3), rows(generator, 2, 6, 3)
    views = Views((None, target), (prediction, None), (None, target), ((0, 1),))
    got, alone = VicReg()(views), VicReg()(two_views(target, target))
    assert got.per_sample is not None
    invariance = 25 * (prediction - target).square().mean(-1)
    torch.testing.assert_close(got.per_sample, invariance)
    # one side has half the covariance term of two, and the same variance term
    parts = [got.metrics, alone.metrics]
    assert parts[0]["vicreg/variance"] == parts[1]["vicreg/variance"]
    assert 2 * parts[0]["vicreg/covariance"] == parts[1]["vicreg/covariance"]


def naive_barlow(a: Tensor, b: Tensor) -> float:
    x, y = a.numpy(), b.numpy()
    total = 0.0
    for i in range(x.shape[1]):
        for j in range(x.shape[1]):
            p = (x[:, i] - x[:, i].mean()) / np.sqrt(x[:, i].var() + 1e-5)
            q = (y[:, j] - y[:, j].mean()) / np.sqrt(y[:, j].var() + 1e-5)
            c = float((p * q).mean())
            total += (1 - c) ** 2 if i == j else 0.0051 * c**2
    return total


def test_barlow_against_loops(generator: torch.Generator) -> None:
    a, b = rows(generator, 2, 7, 3), rows(generator, 2, 7, 3)
    loss = BarlowTwins()(two_views(a, b))
    assert loss.per_sample is None
    want = np.mean([naive_barlow(a[g], b[g]) for g in range(2)])
    assert loss.regularizer.item() == pytest.approx(float(want))
    moved = BarlowTwins()(two_views(100 * a + 7, 20 * b - 3)).regularizer
    assert moved.item() == pytest.approx(float(want), rel=1e-3)


@pytest.mark.parametrize("method", [VicReg, BarlowTwins])
def test_rows_that_are_not_valid_do_not_exist(
    method: type[VicReg] | type[BarlowTwins], generator: torch.Generator
) -> None:
    valid = torch.tensor([[True] * 5 + [False] * 2, [False, True] * 3 + [True]])
    a, b = rows(generator, 2, 7, 3).requires_grad_(), rows(generator, 2, 7, 3)
    loss = method()(two_views(a, b, valid))
    each = [
        method()(two_views(a[g][valid[g]], b[g][valid[g]])).regularizer
        for g in range(2)
    ]
    torch.testing.assert_close(loss.regularizer, torch.stack(each).mean())
    total = loss.regularizer
    if loss.per_sample is not None:
        assert not loss.per_sample[~valid].any()
        total = total + loss.per_sample.sum()
    (gradient,) = torch.autograd.grad(total, a)
    assert not gradient[~valid].any()
    assert gradient[valid].any()


@pytest.mark.parametrize("count", [0, 1])
def test_groups_too_small_for_moments_are_silent(
    count: int, generator: torch.Generator
) -> None:
    valid = torch.arange(4) < count
    a, b = rows(generator, 4, 3).requires_grad_(), rows(generator, 4, 3)
    loss = VicReg()(two_views(a, b, valid))
    assert loss.regularizer.item() == 0.0
    (gradient,) = torch.autograd.grad(loss.regularizer, a)
    assert torch.isfinite(gradient).all()


def test_barlow_of_whitened_equal_views_is_nothing(
    generator: torch.Generator,
) -> None:
    x = rows(generator, 300, 5)
    x = x - x.mean(0)
    white = x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T
    loss = BarlowTwins()(two_views(white, white)).regularizer
    assert loss.item() == pytest.approx(0.0, abs=1e-8)


def test_barlow_setting_weighs_the_off_diagonal(generator: torch.Generator) -> None:
    a, b = rows(generator, 9, 4), rows(generator, 9, 4)
    losses = [
        BarlowConfig(x).build(Sizes(4))(two_views(a, b)).regularizer
        for x in (0.0, 1.0, 3.0)
    ]
    torch.testing.assert_close(losses[2] - losses[0], 3 * (losses[1] - losses[0]))


@pytest.mark.parametrize("config", [VicRegConfig(), BarlowConfig()])
def test_contract(config: VicRegConfig | BarlowConfig) -> None:
    check_objective(config.build)
