"""Closed forms: gradient descent finds them, and chains have cosines."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ssl_objectives.parts.spectral import (
    chain,
    laplacian,
    laplacian_eigenmap,
    spectral_contrast,
    squared_vicreg,
    top_eigenvectors,
)

N, D = 12, 3


def graph(generator: torch.Generator) -> Tensor:
    """Random weights between all nodes."""
    weight = torch.rand(N, N, generator=generator, dtype=torch.float64)
    return ((weight + weight.T) / 2).fill_diagonal_(0.0)


def descend(loss: Callable[[Tensor], Tensor], generator: torch.Generator) -> Tensor:
    start = torch.randn(N, D, generator=generator, dtype=torch.float64)
    x = start.requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x],
        max_iter=1000,
        tolerance_grad=1e-10,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(x)
        value.backward()
        return value

    optimizer.step(closure)
    return x.detach()


def gram(x: Tensor) -> Tensor:
    """Rows up to a rotation and an offset."""
    x = x - x.mean(0)
    return x @ x.T


def test_losses_against_loops(generator: torch.Generator) -> None:
    g = graph(generator)
    x = torch.randn(N, D, generator=generator, dtype=torch.float64)
    together = sum(
        float(g[i, j] * (x[i] - x[j]).square().sum())
        for i in range(N)
        for j in range(N)
    )
    spread = torch.cov(x.T, correction=0) - torch.eye(D)
    want = float(spread.square().sum()) + 0.2 / N * together
    assert squared_vicreg(x, g, 0.2).item() == pytest.approx(want)
    product = sum(float(g[i, j] - x[i] @ x[j]) ** 2 for i in range(N) for j in range(N))
    assert spectral_contrast(x, g).item() == pytest.approx(product)


@pytest.mark.parametrize("gamma", [0.05, 0.1])
def test_descent_finds_the_laplacian_eigenmap(
    gamma: float, generator: torch.Generator
) -> None:
    g = graph(generator)
    best = laplacian_eigenmap(g, D, gamma)
    found = descend(lambda x: squared_vicreg(x, g, gamma), generator)
    torch.testing.assert_close(gram(found), gram(best), rtol=0, atol=1e-4)


def test_too_strong_a_pull_collapses(generator: torch.Generator) -> None:
    g = graph(generator)
    values = torch.linalg.eigvalsh(laplacian(g))
    gamma = 1 / float((values[2] + values[3]) / 2)  # kept: the second and third
    best = laplacian_eigenmap(g, D, gamma)
    assert torch.linalg.matrix_rank(best) == 2
    found = descend(lambda x: squared_vicreg(x, g, gamma), generator)
    torch.testing.assert_close(gram(found), gram(best), rtol=0, atol=1e-3)


def test_graphs_in_parts_tell_the_parts_apart(generator: torch.Generator) -> None:
    """As views of images are: no weight between nodes of different images."""
    part = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2])
    g = graph(generator) * (part[:, None] == part)
    for size in (1, 2, 4):
        best = laplacian_eigenmap(g, size, 0.1)
        torch.testing.assert_close(best.sum(0), torch.zeros(size).double())
        values = torch.linalg.eigvalsh(laplacian(g))[1 : size + 1]
        # at the optimum each dimension costs 1 - (1 - γ λ)²
        want = (1 - (1 - 0.1 * values).clamp(min=0).square()).sum()
        torch.testing.assert_close(squared_vicreg(best, g, 0.1), want)
    best = laplacian_eigenmap(g, 2, 0.1)  # two dimensions tell three parts apart
    for i in range(3):
        mine = best[part == i]
        torch.testing.assert_close(mine, mine[:1].expand_as(mine))


def test_descent_finds_the_top_eigenvectors(generator: torch.Generator) -> None:
    x = torch.randn(N, N, generator=generator, dtype=torch.float64)
    affinity = x @ x.T / N
    best = top_eigenvectors(affinity, D)
    found = descend(lambda x: spectral_contrast(x, affinity), generator)
    torch.testing.assert_close(found @ found.T, best @ best.T, rtol=0, atol=1e-4)
    rest = torch.linalg.eigvalsh(affinity)[:-D].square().sum()
    torch.testing.assert_close(spectral_contrast(best, affinity), rest)


def test_a_chain_has_cosines() -> None:
    best = laplacian_eigenmap(chain(N), D, 0.3)
    step = torch.arange(N, dtype=torch.float64)
    for k in range(1, D + 1):
        cosine = (math.pi * k * (step + 0.5) / N).cos()
        cosine = cosine / cosine.norm()
        value = 2 - 2 * math.cos(math.pi * k / N)
        want = math.sqrt(N * (1 - 0.3 * value))
        got = best[:, k - 1] @ cosine
        assert abs(got.item()) == pytest.approx(want)
    torch.testing.assert_close(laplacian(chain(N)).sum(1), torch.zeros(N).double())


def test_sizes_are_checked() -> None:
    for size in (0, N):
        with pytest.raises(ValueError, match="dimensions"):
            laplacian_eigenmap(chain(N), size, 0.1)
    assert top_eigenvectors(chain(N), N).shape == (N, N)
    with pytest.raises(ValueError, match="dimensions"):
        top_eigenvectors(chain(N), N + 1)
