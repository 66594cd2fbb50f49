"""SIGReg against quadrature by scipy and loops, and LeJEPA's invariance."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.moments.sigreg import SigReg, SigRegConfig, epps_pulley
from ssl_objectives.objective import Views

G, N, D, M = 2, 9, 4, 3
BOTH = ((0, 1), (1, 0))


def draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def two(a: Tensor, b: Tensor, valid: Tensor | None = None) -> Views:
    return Views((a, b), (a, b), (a, b), BOTH, valid)


def error(samples: np.ndarray, t: float) -> float:
    """Weighted squared distance of characteristic functions at t."""
    empirical = np.mean([complex(math.cos(t * x), math.sin(t * x)) for x in samples])
    gauss = math.exp(-t * t / 2)
    return float(abs(empirical - gauss) ** 2 * gauss)


def naive(samples: np.ndarray) -> float:
    """The trapezoid of 17 knots on [0, 3], twice."""
    knots = [3 * k / 16 for k in range(17)]
    heights = [error(samples, t) for t in knots]
    area = sum((a + b) / 2 * 3 / 16 for a, b in pairwise(heights))
    return 2 * len(samples) * area


def test_statistic_against_loops(generator: torch.Generator) -> None:
    x = draw(generator, G, N, M) + 0.5
    valid = torch.rand(G, N, generator=generator) < 0.7
    whole, some = epps_pulley(x), epps_pulley(x, valid)
    for g in range(G):
        for m in range(M):
            assert whole[g, m].item() == pytest.approx(naive(x[g, :, m].numpy()))
            kept = x[g, valid[g], m].numpy()
            assert some[g, m].item() == pytest.approx(naive(kept))


def test_a_fine_grid_is_the_integral(generator: torch.Generator) -> None:
    x = draw(generator, N, 1)
    area, _ = integrate.quad(lambda t: error(x[:, 0].numpy(), t), -np.inf, np.inf)
    fine = epps_pulley(x, t_max=9.0, knots=400)
    assert fine.item() == pytest.approx(N * area, rel=1e-5)


def test_zeros_have_the_closed_value() -> None:
    """The signature of a collapse: 0.4089 N on the line, 0.4020 N on the grid."""
    line = math.sqrt(2 * math.pi) * (1 - math.sqrt(2) + 1 / math.sqrt(3))
    assert line == pytest.approx(0.4089, abs=1e-4)
    for num in (5, 64):
        zero = torch.zeros(num, 2)
        fine = epps_pulley(zero, t_max=8.0, knots=400)
        torch.testing.assert_close(fine, torch.full((2,), line * num))
        coarse = epps_pulley(zero)
        torch.testing.assert_close(
            coarse, torch.full((2,), 0.4020 * num), rtol=1e-4, atol=1e-3
        )
        # in the objective: λ of it, and the metric that shows it
        rows = torch.zeros(num, D)
        loss = SigReg(weight=0.1)(two(rows, rows))
        assert loss.per_sample is not None
        assert not loss.per_sample.any()
        assert loss.regularizer.item() == pytest.approx(0.1 * coarse[0].item())
        assert loss.metrics["sigreg/per_row"].item() == pytest.approx(0.4020, abs=1e-4)


def test_gauss_stays_at_its_floor_and_others_grow(generator: torch.Generator) -> None:
    objective = SigReg(weight=1.0, directions=64)
    # E N |φ̂ - φ|² = 1 - φ²: an integral that is known
    floor = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))
    many = torch.randn(120, 40, 6, generator=generator)
    mean = objective(two(many, many)).regularizer.item()
    assert mean == pytest.approx(floor, rel=0.1)
    # where rows are not N(0, I), the statistic grows with N
    uneven = torch.tensor([3.0] * 3 + [0.0] * 3)
    for scale in (uneven, torch.full((6,), 0.3)):
        found = []
        for num in (200, 2000):
            x = torch.randn(num, 6, generator=generator) * scale
            found.append(objective(two(x, x)).regularizer.item())
        assert found[0] > 10 * floor
        assert found[1] == pytest.approx(10 * found[0], rel=0.2)


def test_directions_are_units_shared_and_new_in_each_step(
    generator: torch.Generator,
) -> None:
    objective = SigReg(directions=1)
    x = draw(generator, N, D)
    one = objective.normality(torch.stack([x, x]), None)
    assert torch.equal(one[0], one[1])
    loss = objective(two(x, x)).regularizer
    assert torch.equal(loss, objective(two(x, x)).regularizer)
    objective.observe(two(x, x))
    assert objective(two(x, x)).regularizer != loss
    # rows of equal length along every axis see unit directions only
    circle = torch.arange(3600) * 2 * math.pi / 3600
    ring = torch.stack([circle.cos(), circle.sin()], -1)
    many = SigReg(directions=50)
    alone = epps_pulley(ring[:, :1].double())
    same = many.normality(ring.double()[None], None)
    torch.testing.assert_close(same, alone, rtol=1e-4, atol=1e-4)


def test_invariance_is_the_distance_to_the_mean_of_views(
    generator: torch.Generator,
) -> None:
    three = [draw(generator, G, N, D) for _ in range(3)]
    pairs = tuple((i, j) for i in range(3) for j in range(3) if i != j)
    views = Views(tuple(three), tuple(three), tuple(three), pairs)
    loss = SigReg(weight=0.25)(views).per_sample
    assert loss is not None
    for g in range(G):
        for n in range(N):
            rows = np.stack([x[g, n].numpy() for x in three])
            want = 0.75 * ((rows - rows.mean(0)) ** 2).mean()
            assert loss[g, n].item() == pytest.approx(want)
    # of more views than targets (multi-crop) the centre is the mean of the targets
    views = Views(tuple(three), tuple(three), (three[0], three[1], None), pairs[:4])
    some = SigReg(weight=0.0)(views).per_sample
    assert some is not None
    center = (three[0] + three[1]) / 2
    want = torch.stack([(x - center).square().mean(-1) for x in three]).mean(0)
    torch.testing.assert_close(some, want)


def test_a_world_model_has_mean_squared_errors(generator: torch.Generator) -> None:
    p, t = draw(generator, G, N, D), draw(generator, G, N, D).requires_grad_()
    valid = torch.rand(G, N, generator=generator) < 0.7
    objective = SigReg(weight=0.1)
    loss = objective(Views((None, t), (p, None), (None, t), ((0, 1),), valid))
    assert loss.per_sample is not None
    want = 0.9 * (p - t).square().mean(-1).masked_fill(~valid, 0.0)
    torch.testing.assert_close(loss.per_sample, want)
    seen = objective.normality(t.detach()[None], valid)
    torch.testing.assert_close(loss.regularizer, 0.1 * seen.mean())
    (loss.per_sample.sum() + loss.regularizer).backward()
    assert t.grad is not None
    assert t.grad[valid].any()
    assert not t.grad[~valid].any()


def test_half_precision_is_finite(generator: torch.Generator) -> None:
    a = draw(generator, N, D).bfloat16().requires_grad_()
    loss = SigReg()(two(a, a))
    loss.regularizer.backward()
    assert loss.regularizer.dtype == torch.float32
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="weight must be"):
        SigRegConfig(weight=1.5)
    with pytest.raises(ValueError, match="2 knots"):
        SigRegConfig(knots=1)


def test_contract() -> None:
    check_objective(SigRegConfig().build)
