import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.measure.diagnostics import (
    alignment,
    effective_rank,
    lidar,
    participation_ratio,
    rankme,
    relative_spread,
    uniformity,
    within_share,
)


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


def test_participation_counts_equal_directions(generator: torch.Generator) -> None:
    for k in range(1, 6):
        rows = with_singular_values([3.0] * k + [0.0] * (5 - k), generator)
        torch.testing.assert_close(participation_ratio(rows + 7).item(), float(k))
    # variances 4, 1, 1: 6² / 18
    rows = with_singular_values([2.0, 1.0, 1.0, 0.0, 0.0], generator)
    for scale in (1e-12, 1.0, 1e12):
        torch.testing.assert_close(participation_ratio(scale * rows).item(), 2.0)
    for constant in (torch.ones(5, 2), torch.zeros(5, 2)):
        assert participation_ratio(constant).item() == 1.0


def grouped(means: Tensor, noise: Tensor, each: int) -> tuple[Tensor, Tensor]:
    """Rows whose groups have these means, and noise of covariance `noise noiseᵀ`."""
    size = means.shape[1]
    corners = torch.cat([torch.eye(size), -torch.eye(size)]).double() * size**0.5
    rows = means[:, None] + (corners @ noise.T).repeat(each, 1)
    group = torch.arange(len(means))[:, None].expand(rows.shape[:2])
    return rows.flatten(0, 1), 10 * group.flatten() - 3


def naive_lidar(rows: Tensor, group: Tensor, delta: float) -> float:
    ids = group.unique().tolist()
    means = [rows[group == i].mean(0) for i in ids]
    center = torch.stack(means).mean(0)
    size = rows.shape[1]
    between = sum(torch.outer(m - center, m - center) for m in means) / len(ids)
    within = delta * torch.eye(size, dtype=rows.dtype)
    for i, m in zip(ids, means, strict=True):
        own = rows[group == i]
        within += sum(torch.outer(x - m, x - m) for x in own) / len(own) / len(ids)
    # eigenvalues of Σ_w⁻¹ Σ_b, which are those of its symmetric form
    values = torch.linalg.eigvals(torch.linalg.solve(within, between)).real
    p = values.clamp(min=0) / values.clamp(min=0).sum()
    return float(torch.special.entr(p).sum().exp())


def test_lidar_against_loops(generator: torch.Generator) -> None:
    rows = torch.randn(40, 4, generator=generator, dtype=torch.float64)
    group = torch.randint(6, (40,), generator=generator)
    rows += group[:, None] * torch.tensor([1.0, -0.5, 0.0, 0.0])
    valid = torch.rand(40, generator=generator) < 0.8
    for delta in (1e-4, 0.5):
        want = naive_lidar(rows, group, delta)
        assert lidar(rows, group, delta).item() == pytest.approx(want, rel=1e-4)
        some = naive_lidar(rows[valid], group[valid], delta)
        spoiled = torch.where(valid[:, None], rows, 1e4)
        got = lidar(spoiled, group, delta, valid).item()
        assert got == pytest.approx(some, rel=1e-4)


def test_lidar_counts_what_stands_out_of_the_noise(generator: torch.Generator) -> None:
    means = torch.eye(5, dtype=torch.float64) - 0.2  # a regular simplex: rank 4
    white = 0.1 * torch.eye(5, dtype=torch.float64)
    assert lidar(*grouped(means, white, 2)).item() == pytest.approx(4.0, rel=1e-4)
    # where noise is strong, means say little: two of four directions remain
    turned = rotation(5, generator)
    loud = (
        turned @ torch.diag(torch.tensor([1e3, 1e3, 0.1, 0.1, 0.1])).double() @ turned.T
    )
    assert 1.5 < lidar(*grouped(means, loud, 2)).item() < 3.2
    same, group = grouped(torch.ones_like(means), white, 2)
    assert lidar(same, group).item() == pytest.approx(1.0)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_rows_that_are_not_finite_have_no_rank(
    value: float, generator: torch.Generator
) -> None:
    """And it is said by the number alone: whoever watches it stops a run."""
    for rows in (torch.full((9, 4), value), torch.randn(30, 4, generator=generator)):
        rows[3, 2] = value
        assert effective_rank(rows).isnan()


def test_the_share_within_sees_slow_features_which_ranks_do_not(
    generator: torch.Generator,
) -> None:
    """[episodes, steps, D]: a constant of each episode, or a common course of time."""
    constant = torch.randn(30, 1, 6, generator=generator).expand(30, 12, 6)
    constant = constant.flatten(0, 1)
    slow = constant + 0.01 * torch.randn(360, 6, generator=generator)
    course = torch.randn(1, 12, 6, generator=generator).expand(30, 12, 6).flatten(0, 1)
    course = course + 0.01 * torch.randn(360, 6, generator=generator)
    time, episode = torch.arange(12).repeat(30), torch.arange(30).repeat_interleave(12)
    assert effective_rank(slow) > 5
    assert effective_rank(course) > 4
    assert within_share(slow, episode) < 0.01 < 0.99 < within_share(course, episode)
    assert lidar(slow, episode) > 4
    assert lidar(course, time) > 4
    # by time, nothing but an exact constant has a low rank: of the means' noise no less
    # is left than of a signal, as eigenvalues are divided by their sum
    assert lidar(constant, time).item() == pytest.approx(1.0)
    assert lidar(slow, time) > 3
    assert within_share(slow, time) > 0.99 > 0.01 > within_share(course, time)


def test_alignment_has_closed_values(generator: torch.Generator) -> None:
    x = torch.randn(9, 4, generator=generator)
    assert alignment(x, 5 * x).item() == pytest.approx(0.0, abs=1e-6)
    assert alignment(x, -x).item() == pytest.approx(4.0)
    assert alignment(x, -x, alpha=1.0).item() == pytest.approx(2.0)
    eye = torch.eye(4)
    assert alignment(eye, eye.roll(1, 0)).item() == pytest.approx(2.0)
    valid = torch.arange(4) < 3
    mixed = torch.cat([eye[:3], -eye[3:]])
    assert alignment(eye, mixed).item() == pytest.approx(1.0)
    assert alignment(eye, mixed, valid=valid).item() == 0.0


def test_uniformity_has_closed_values(generator: torch.Generator) -> None:
    eye = torch.eye(5)
    assert uniformity(7 * eye).item() == pytest.approx(-4.0)  # all pairs √2 apart
    assert uniformity(eye, t=3.0).item() == pytest.approx(-6.0)
    assert uniformity(torch.ones(6, 3)).item() == pytest.approx(0.0)
    x = torch.randn(8, 3, generator=generator)
    units = x / x.norm(dim=1, keepdim=True)
    pairs = [(i, j) for i in range(8) for j in range(i)]
    apart = [float((units[i] - units[j]).square().sum()) for i, j in pairs]
    want = math.log(sum(math.exp(-2 * d) for d in apart) / len(pairs))
    assert uniformity(x).item() == pytest.approx(want, rel=1e-4)
    valid = torch.arange(8) < 6
    torch.testing.assert_close(uniformity(x, valid=valid), uniformity(x[:6]))


def test_within_share_is_a_decomposition(generator: torch.Generator) -> None:
    group = torch.tensor([4, 4, 4, 9, 9, 9])
    between = torch.where(group == 4, 1.0, -1.0)[:, None] * torch.tensor([[3.0, 0.0]])
    inside = torch.tensor([1.0, -1.0, 0.0, 0.0, 1.0, -1.0])[:, None] * torch.ones(1, 2)
    # variances: 9 between, 2 · 4/6 inside
    rows = between + inside
    want = (8 / 6) / (9 + 8 / 6)
    assert within_share(rows, group).item() == pytest.approx(want)
    assert within_share(between + 5, group).item() == pytest.approx(0.0, abs=1e-6)
    assert within_share(inside, group).item() == pytest.approx(1.0)
    assert within_share(torch.ones(6, 2), group).item() == 0.0
    valid = torch.tensor([True, True, False, True, True, True])
    spoiled = torch.where(valid[:, None], rows, 99.0)
    torch.testing.assert_close(
        within_share(spoiled, group, valid), within_share(rows[valid], group[valid])
    )
