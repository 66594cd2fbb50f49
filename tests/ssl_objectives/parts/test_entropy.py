"""Entropy estimators: against loops, closed forms, and the order they must keep."""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor

from ssl_objectives.parts.entropy import (
    gaussian_entropy,
    mixture_entropy_lower,
    mixture_entropy_upper,
    neighbor_entropy,
)
from ssl_objectives.parts.moments import variance_hinge

G, N, D = 2, 8, 3


def draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def one_gaussian(std: float, size: int = D) -> float:
    return size / 2 * math.log(2 * math.pi * math.e * std**2)


def test_gaussian_entropy_against_scipy(generator: torch.Generator) -> None:
    x = draw(generator, G, N, D) @ draw(generator, D, D) + 5
    got = gaussian_entropy(x)
    for g in range(G):
        covariance = np.cov(x[g].numpy().T, ddof=0)
        want = stats.multivariate_normal(cov=covariance).entropy()
        assert got[g].item() == pytest.approx(want)
    # ε makes a collapse finite: D/2 log(2πe ε)
    constant = torch.ones(N, D, dtype=torch.float64)
    assert gaussian_entropy(constant, eps=0.25).item() == pytest.approx(
        one_gaussian(0.5)
    )


def naive_mixture(x: Tensor, std: float, divisor: float) -> float:
    total, n = 0.0, len(x)
    for i in range(n):
        near = sum(
            math.exp(-float((x[i] - x[j]).square().sum()) / (divisor * std**2))
            for j in range(n)
        )
        total += math.log(near / n) / n
    return one_gaussian(std) - total


def test_mixture_bounds_against_loops(generator: torch.Generator) -> None:
    x = draw(generator, G, N, D)
    upper, lower = mixture_entropy_upper(x, 0.6), mixture_entropy_lower(x, 0.6)
    for g in range(G):
        assert upper[g].item() == pytest.approx(naive_mixture(x[g], 0.6, 2))
        assert lower[g].item() == pytest.approx(naive_mixture(x[g], 0.6, 8))


@pytest.mark.parametrize("std", [0.2, 0.5, 1.0])
def test_sandwich(std: float, generator: torch.Generator) -> None:
    """lower ≤ entropy by Monte Carlo ≤ upper, and none above the Gaussian's."""
    centers = draw(generator, 40, 2)
    lower = mixture_entropy_lower(centers, std).item()
    upper = mixture_entropy_upper(centers, std).item()
    num = 20_000
    picked = torch.randint(40, (num,), generator=generator)
    x = centers[picked] + std * draw(generator, num, 2)
    log = -(x[:, None] - centers).square().sum(-1) / (2 * std**2)
    density = log.logsumexp(1) - math.log(40) - math.log(2 * math.pi * std**2)
    real, error = -density.mean().item(), density.std().item() / num**0.5
    assert lower <= real + 3 * error
    assert real - 3 * error <= upper
    assert lower < upper
    assert real <= gaussian_entropy(x).item() + 3 * error


def test_far_and_equal_rows_have_closed_values(generator: torch.Generator) -> None:
    far, equal = 1e3 * torch.eye(N, D + N), torch.ones(N, D)
    for bound in (mixture_entropy_lower, mixture_entropy_upper):
        want = math.log(N) + one_gaussian(0.3, D + N)
        assert bound(far, 0.3).item() == pytest.approx(want, rel=1e-5)
        assert bound(equal, 0.3).item() == pytest.approx(one_gaussian(0.3), rel=1e-5)
        # a common offset is nothing
        x = draw(generator, N, D).float()
        torch.testing.assert_close(
            bound(x, 0.3), bound(x + 300, 0.3), rtol=1e-3, atol=1e-3
        )


def test_unlike_the_hinge_it_never_stops_growing(generator: torch.Generator) -> None:
    """Rows wider than a std of 1: nothing for the hinge, D log a for the entropy."""
    x = 3 * draw(generator, 20, D)
    x.requires_grad_()
    wider = gaussian_entropy(4 * x) - gaussian_entropy(x)
    assert wider.item() == pytest.approx(D * math.log(4))
    hinge = variance_hinge(x)
    assert hinge.item() == 0.0
    assert not torch.autograd.grad(hinge, x)[0].any()
    assert torch.autograd.grad(gaussian_entropy(x), x)[0].any(-1).all()


def test_neighbor_entropy_against_loops(generator: torch.Generator) -> None:
    x = draw(generator, G, N, D)
    got = neighbor_entropy(x, 2)
    ball = math.pi ** (D / 2) / math.gamma(D / 2 + 1)
    for g in range(G):
        for i in range(N):
            apart = sorted(
                float((x[g, i] - x[g, j]).norm()) for j in range(N) if j != i
            )
            want = D * math.log(apart[1]) + math.log(ball)
            want += special.digamma(N) - special.digamma(2)
            assert got[g, i].item() == pytest.approx(want)


def test_neighbor_entropy_estimates_the_entropy(generator: torch.Generator) -> None:
    x = draw(generator, 3000, 2)
    assert neighbor_entropy(x).mean().item() == pytest.approx(
        one_gaussian(1, 2), abs=0.1
    )
    wide = neighbor_entropy(3 * x + 7)
    torch.testing.assert_close(wide, neighbor_entropy(x) + 2 * math.log(3))
    square = torch.rand(3000, 2, generator=generator)
    assert neighbor_entropy(square).mean().item() == pytest.approx(0.0, abs=0.1)


def test_rows_alone_are_worth_most(generator: torch.Generator) -> None:
    x = 0.1 * draw(generator, N, D)
    x[3] += 10
    assert neighbor_entropy(x, 1).argmax().item() == 3


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    x = draw(generator, N, D)
    valid = torch.tensor([True, False, True, True, False, True, True, True])
    spoiled = x.clone()
    spoiled[~valid] = 1e4
    for bound in (mixture_entropy_lower, mixture_entropy_upper):
        got = bound(spoiled, 0.5, valid)
        torch.testing.assert_close(got, bound(x[valid], 0.5))
    torch.testing.assert_close(
        gaussian_entropy(spoiled, valid), gaussian_entropy(x[valid])
    )
    each = neighbor_entropy(spoiled, 2, valid)
    torch.testing.assert_close(each[valid], neighbor_entropy(x[valid], 2))
    assert not each[~valid].any()


def test_too_few_rows_are_silent(generator: torch.Generator) -> None:
    x = draw(generator, N, D).requires_grad_()
    for count in (0, 1, 3):
        valid = torch.arange(N) < count
        each = neighbor_entropy(x, 3, valid)
        assert not each.any()
        total = each.sum() + mixture_entropy_upper(x, 0.5, valid)
        (push,) = torch.autograd.grad(total, x)
        assert push.isfinite().all()
    assert not neighbor_entropy(x[:3], 3).any()
    with pytest.raises(ValueError, match="1 neighbour"):
        neighbor_entropy(x, 0)


def test_entropies_of_half_precision_and_duplicates_are_finite() -> None:
    x = torch.ones(N, D, dtype=torch.bfloat16, requires_grad=True)
    total = neighbor_entropy(x).sum() + mixture_entropy_lower(x, 0.1)
    total.backward()
    assert total.isfinite()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_gaussian_entropy_of_a_plane_is_infinitely_small(
    generator: torch.Generator,
) -> None:
    flat = draw(generator, 50, 2).float() @ draw(generator, 2, 4).float()
    assert gaussian_entropy(flat).item() < -10
    assert gaussian_entropy(torch.ones(N, D)).item() == -math.inf
    assert gaussian_entropy(flat, eps=1e-2).isfinite()
