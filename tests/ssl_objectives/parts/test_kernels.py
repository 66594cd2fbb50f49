"""Kernels and HSIC against loops, random features against the kernel they stand for."""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats
from torch import Tensor

from ssl_objectives.parts.kernels import (
    KernelScale,
    RandomFeatures,
    feature_hsic,
    hsic,
    inverse_multiquadric,
    squared_distances,
)
from tests.shapes import rounds

G, N, M, D = 2, 7, 5, 3


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_distances_and_kernel_against_loops(generator: torch.Generator) -> None:
    x, y = rows(generator, G, N, D), rows(generator, G, M, D)
    apart, kernel = squared_distances(x, y), inverse_multiquadric(x, y, 0.7)
    for g in range(G):
        for i in range(N):
            for j in range(M):
                want = sum(
                    (float(x[g, i, d]) - float(y[g, j, d])) ** 2 for d in range(D)
                )
                assert apart[g, i, j].item() == pytest.approx(want)
                value = 0.7 / math.sqrt(0.7**2 + want)
                assert kernel[g, i, j].item() == pytest.approx(value)
    assert inverse_multiquadric(x, x).diagonal(dim1=1, dim2=2).numpy() == pytest.approx(
        1
    )


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_random_features_are_near_the_kernel(
    scale: float, generator: torch.Generator
) -> None:
    x = torch.nn.functional.normalize(rows(generator, 20, 16), dim=-1)
    want = inverse_multiquadric(x, x, scale)
    many = RandomFeatures(200_000, 16, generator)(x, scale)
    torch.testing.assert_close(many @ many.T, want, rtol=0, atol=0.01)


def test_random_features_are_within_a_tenth(generator: torch.Generator) -> None:
    """The value of the spec: 512 features, a typical pair."""
    x = torch.nn.functional.normalize(rows(generator, 2, 16), dim=-1)
    errors = []
    for _ in range(200):
        features = RandomFeatures(512, 16, generator)(x)
        errors.append(features[0] @ features[1] - inverse_multiquadric(x, x)[0, 1])
    assert torch.stack(errors).abs().quantile(0.95) < 0.1
    assert torch.stack(errors).mean().abs() < 0.01  # no bias


@pytest.mark.parametrize("size", [4, 9])
def test_frequencies_have_the_published_radial_density(
    size: int, generator: torch.Generator
) -> None:
    """`K_{(D-1)/2}(x) x^{(D-1)/2}`, which the official code tabulates."""
    drawn = RandomFeatures(20_000, size, generator).frequencies.norm(dim=1).numpy()
    grid = np.linspace(1e-6, 80, 20_000)
    order = (size - 1) / 2
    density = special.kv(order, grid) * grid**order
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    cumulative /= cumulative[-1]
    test = stats.kstest(drawn, lambda x: np.interp(x, grid, cumulative))
    assert test.pvalue > 1e-3


def naive_hsic(k: np.ndarray, m: np.ndarray) -> float:
    n = len(k)
    h = np.eye(n) - np.ones((n, n)) / n
    return float(np.trace(k @ h @ m @ h) / n**2)


def test_hsic_against_the_trace(generator: torch.Generator) -> None:
    x, y = rows(generator, G, N, D), rows(generator, G, N, 2)
    k, m = inverse_multiquadric(x, x), inverse_multiquadric(y, y)
    got = hsic(k, m)
    for g in range(G):
        want = naive_hsic(k[g].numpy(), m[g].numpy())
        assert got[g].item() == pytest.approx(want)


def test_features_give_the_hsic_of_their_kernel(generator: torch.Generator) -> None:
    x, y = rows(generator, G, N, D), rows(generator, G, N, 2)
    torch.testing.assert_close(feature_hsic(x, y), hsic(x @ x.mT, y @ y.mT))
    # with a linear kernel HSIC(Z, Z) is the squared size of the covariance
    for g in range(G):
        want = (np.cov(x[g].numpy().T, ddof=0) ** 2).sum()
        assert feature_hsic(x, x)[g].item() == pytest.approx(want)


def test_features_of_rows_that_are_not_valid_do_not_count(
    generator: torch.Generator,
) -> None:
    x, y = rows(generator, G, N, D), rows(generator, G, N, 2)
    valid = torch.rand(G, N, generator=generator) < 0.6
    got = feature_hsic(x, y, valid)
    for g in range(G):
        v = valid[g]
        torch.testing.assert_close(got[g], feature_hsic(x[g][v], y[g][v]))
    assert not feature_hsic(x, y, torch.zeros(G, N, dtype=torch.bool)).any()


def test_scale_gradient_against_autograd(generator: torch.Generator) -> None:
    """The first step of Adam is the sign; later ones follow torch's Adam."""
    x = rows(generator, N, D).float()
    valid = torch.tensor([True] * (N - 1) + [False])
    mine = KernelScale(start=0.8, rate=1e-2)
    c = torch.tensor(0.8, requires_grad=True)
    adam = torch.optim.Adam([c], 1e-2)
    pairs = [(i, j) for i in range(N - 1) for j in range(N - 1) if i != j]
    for _ in range(30):
        mine.observe(x, valid)
        logs = []
        for i, j in pairs:
            squared = (x[i] - x[j]).square().sum().requires_grad_()
            kernel = c / (squared + c**2).sqrt()
            (slope,) = torch.autograd.grad(kernel, squared, create_graph=True)
            logs.append(slope.abs().log())
        adam.zero_grad()
        (-torch.stack(logs).mean()).backward()
        adam.step()
        torch.testing.assert_close(mine.value, c.detach(), rtol=1e-5, atol=1e-6)


def test_scale_ends_where_the_slope_is_steepest() -> None:
    corners = 1.5 * torch.eye(4)  # all pairs 1.5 √2 apart
    scale = KernelScale(rate=0.05)
    for _ in rounds(250):
        scale.observe(corners)
    assert scale.value.item() == pytest.approx(1.5, abs=1e-3)
    points, scale = torch.zeros(6, 3), KernelScale(rate=0.05)
    for _ in range(30):
        scale.observe(points)  # equal rows pull towards 0
    assert scale.value.item() == pytest.approx(0.01)


def test_scale_needs_a_pair() -> None:
    scale = KernelScale()
    scale.observe(torch.randn(5, 3), torch.tensor([False, True, False, False, False]))
    fresh = KernelScale().state_dict()
    assert all(torch.equal(x, fresh[k]) for k, x in scale.state_dict().items())
