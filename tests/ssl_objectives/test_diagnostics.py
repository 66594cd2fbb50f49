import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.diagnostics import effective_rank, rankme, relative_spread


def rotation(n: int, generator: torch.Generator) -> Tensor:
    x = torch.randn(n, n, generator=generator, dtype=torch.float64)
    q: Tensor = torch.linalg.qr(x).Q
    return q


def with_singular_values(sigma: list[float], generator: torch.Generator) -> Tensor:
    """Rows [7, 5] whose columns have mean zero."""
    x = torch.randn(7, 6, generator=generator, dtype=torch.float64)
    x[:, 0] = 1.0  # the others become orthogonal to the mean
    left: Tensor = torch.linalg.qr(x).Q[:, 1:]
    return left @ torch.diag(torch.tensor(sigma).double()) @ rotation(5, generator)


def test_equal_singular_values_count(generator: torch.Generator) -> None:
    for k in range(1, 6):
        rows = with_singular_values([3.0] * k + [0.0] * (5 - k), generator)
        for rank in (rankme, effective_rank):
            torch.testing.assert_close(rank(rows).item(), float(k))


def test_closed_form_of_unequal_singular_values(generator: torch.Generator) -> None:
    sigma = [4.0, 2.0, 1.0, 1.0, 0.0]
    # p = 1/2, 1/4, 1/8, 1/8: an entropy of 7/4 bits.
    rows = with_singular_values(sigma, generator)
    for rank in (rankme, effective_rank):
        torch.testing.assert_close(rank(rows).item(), 2**1.75)
        torch.testing.assert_close(rank(1000 * rows.float()), torch.tensor(2**1.75))


def test_only_rankme_sees_the_mean(generator: torch.Generator) -> None:
    rows = with_singular_values([1.0] * 4 + [0.0], generator)
    far = rows + 50.0
    torch.testing.assert_close(effective_rank(far).item(), 4.0)
    assert 1.0 < rankme(far) < 2.0
    # One more direction, as strong as the others, is the mean itself.
    orthogonal = torch.eye(7, 5, dtype=torch.float64)
    torch.testing.assert_close(rankme(orthogonal).item(), 5.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_collapsed_rows_have_rank_one(
    dtype: torch.dtype, generator: torch.Generator
) -> None:
    constant = torch.randn(1, 37, generator=generator).to(dtype).expand(301, 37)
    for rows in (constant, torch.zeros(11, 3, dtype=dtype), constant[:1]):
        assert effective_rank(rows).item() == pytest.approx(1.0, abs=1e-3)
    assert rankme(constant).item() == pytest.approx(1.0, abs=1e-3)
    # Noise of rounding size is not variation.
    noise = 1 + 1e-7 * torch.randn(301, 37, generator=generator)
    assert effective_rank(noise * constant.float()).item() == pytest.approx(1.0)


def test_spread_is_a_share_of_size(generator: torch.Generator) -> None:
    rows = torch.tensor([[3.0, 0.0], [3.0, 4.0]])  # mean (3, 2), each 2 away from it
    expected = math.sqrt(4 / ((9 + 25) / 2))
    assert relative_spread(rows).item() == pytest.approx(expected)
    assert relative_spread(1e3 * rows).item() == pytest.approx(expected)
    assert relative_spread(rows.bfloat16()).item() == pytest.approx(expected)
    assert relative_spread(rows - rows.mean(0)).item() == pytest.approx(1.0)
    for constant in (rows[:1].expand(5, 2), torch.zeros(5, 2)):
        assert relative_spread(constant).item() == 0.0
    # a collapse onto a point keeps its rank
    noise = torch.randn(200, 7, generator=generator)
    assert effective_rank(1 + 1e-4 * noise) > 6
    assert relative_spread(1 + 1e-4 * noise) < 1e-3


def test_noise_uses_all_directions(generator: torch.Generator) -> None:
    rows = torch.randn(2000, 30, generator=generator, requires_grad=True)
    rank = effective_rank(rows)
    assert 29.5 < rank.item() <= 30.0
    assert not rank.requires_grad
    narrow = rows[:, :3] @ torch.randn(3, 30, generator=generator)
    assert 1.5 < effective_rank(narrow).item() <= 3.0 + 1e-4
    assert math.isfinite(effective_rank(rows.bfloat16()).item())
