"""The ridge against least squares on augmented rows, and against what it promises."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from world_models.probing.ridge import Ridge

N, D, F = 90, 7, 3


def drawn(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows of unlike scales and places, and numbers that follow from them and more."""
    scale = torch.logspace(-3, 3, D)
    rows = torch.randn(N, D, generator=generator) * scale + 5 * scale
    wanted = (rows / scale) @ torch.randn(D, F, generator=generator)
    return rows, wanted + 0.3 * torch.randn(N, F, generator=generator) + 40


def least_squares(
    rows: Tensor, wanted: Tensor, penalty: float, asked: Tensor
) -> Tensor:
    """`min ‖XW - Y‖² + N λ ‖W‖²` as an unpenalised problem of N + D rows."""
    x, y = rows.double().numpy(), wanted.double().numpy()
    mean, std, middle = x.mean(0), x.std(0) + 1e-6, y.mean(0)
    left = np.concatenate([(x - mean) / std, np.sqrt(penalty * N) * np.eye(D)])
    right = np.concatenate([y - middle, np.zeros((D, F))])
    weight = np.linalg.lstsq(left, right)[0]
    return torch.from_numpy((asked.double().numpy() - mean) / std @ weight + middle)


@pytest.mark.parametrize("penalty", [1e-3, 0.5, 30.0])
def test_it_is_penalised_least_squares(
    penalty: float, generator: torch.Generator
) -> None:
    rows, wanted = drawn(generator)
    others, _ = drawn(generator)
    told = Ridge(rows, wanted, penalty)(others)
    expected = least_squares(rows, wanted, penalty, others)
    assert_close(told, expected, rtol=1e-7, atol=1e-7)
    assert told.dtype == torch.float64


def test_a_reading_is_euclidean_error_and_explained_variance(
    generator: torch.Generator,
) -> None:
    rows, wanted = drawn(generator)
    others, truth = drawn(generator)
    ridge = Ridge(rows, wanted)
    found = ridge.read(others, truth)
    missed, spread, middle = 0.0, 0.0, truth.double().mean(0)
    for told, y in zip(ridge(others), truth.double(), strict=True):
        missed += float((told - y).norm() ** 2)
        spread += float((y - middle).norm() ** 2)
    assert found.rmse == pytest.approx((missed / N) ** 0.5)
    assert found.r2 == pytest.approx(1 - missed / spread)


def test_what_is_linear_is_read_and_what_is_unrelated_is_not(
    generator: torch.Generator,
) -> None:
    rows = torch.randn(400, D, generator=generator)
    wanted = rows @ torch.randn(D, 2, generator=generator) - 3
    linear = Ridge(rows[:200], wanted[:200]).read(rows[200:], wanted[200:])
    assert linear.r2 > 0.9999
    assert linear.rmse < 0.02
    noise = torch.randn(400, 2, generator=generator)
    nothing = Ridge(rows[:200], noise[:200]).read(rows[200:], noise[200:])
    assert -0.3 < nothing.r2 < 0.1


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_a_fact_that_never_varies(value: float, generator: torch.Generator) -> None:
    """Not missed it is explained; where it was another one before, it is not."""
    rows = torch.randn(40, D, generator=generator)
    constant = torch.full((40, 1), value)
    assert Ridge(rows, constant).read(rows, constant) == pytest.approx((0.0, 1.0))
    missed = Ridge(rows, constant + 2).read(rows, constant)
    assert missed == pytest.approx((2.0, 0.0))


def test_columns_that_never_vary_do_no_harm(generator: torch.Generator) -> None:
    rows, wanted = drawn(generator)
    more = torch.cat([rows, torch.full((N, 2), 3.0)], 1)
    assert_close(Ridge(more, wanted)(more), Ridge(rows, wanted)(rows))
