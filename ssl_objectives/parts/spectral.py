"""Closed-form optima of VICReg and spectral contrast, on a graph of positives.

If latents were free, the losses below would have these optima (arXiv 2205.11508). They
check training code, and embed small graphs (states of a replay) for comparison.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_objectives.exact import exact


def laplacian(adjacency: Float[Tensor, "N N"]) -> Float[Tensor, "N N"]:
    """`L = D - G` of symmetric weights G between positives; D holds the row sums."""
    return adjacency.sum(-1).diag() - adjacency


def chain(num: int) -> Float[Tensor, "N N"]:
    """Consecutive steps of one episode as positives: a path of `num` nodes, float64.

    The eigenvectors of its Laplacian are cosines, `cos(π k (n + ½) / N)`, with
    eigenvalues `2 - 2 cos(π k / N)`.
    """
    step = torch.ones(num - 1, dtype=torch.float64)
    return step.diag(1) + step.diag(-1)


@exact
def squared_vicreg(
    rows: Float[Tensor, "N D"], adjacency: Float[Tensor, "N N"], gamma: float
) -> Float[Tensor, ""]:
    """`‖Cov - I‖_F² + (γ/N) Σ_ij G_ij ‖z_i - z_j‖²`, biased Cov."""
    num, size = rows.shape
    x = rows - rows.mean(0)
    spread = x.T @ x / num - torch.eye(size, dtype=x.dtype, device=x.device)
    together = 2 * (x * (laplacian(adjacency) @ x)).sum()
    return spread.square().sum() + gamma / num * together


def laplacian_eigenmap(
    adjacency: Float[Tensor, "N N"], size: int, gamma: float
) -> Float[Tensor, "N D"]:
    """Optimum of `squared_vicreg`: `√N U_{2..D+1} diag(max(0, 1 - γ λ))^{1/2}`.

    λ and U are the Laplacian's least eigenvalues and their eigenvectors, the constant
    one left out: in a graph of several parts, the others of λ = 0 tell these apart. Up
    to a rotation of the columns; in float64.

    Raises:
        ValueError: there are not so many eigenvectors.
    """
    num = len(adjacency)
    if not 0 < size < num:
        raise ValueError(f"{num} nodes have 1 to {num - 1} dimensions, not {size}")
    matrix = laplacian(adjacency.double())
    # the constant vector gets the largest eigenvalue: no sum of entries is as large
    largest = matrix.abs().sum(-1).amax() + 1
    values, vectors = torch.linalg.eigh(matrix + largest / num)
    kept = (1 - gamma * values[:size]).clamp(min=0).sqrt()
    best: Tensor = num**0.5 * vectors[:, :size] * kept
    return best


@exact
def spectral_contrast(
    rows: Float[Tensor, "N D"], adjacency: Float[Tensor, "N N"]
) -> Float[Tensor, ""]:
    """The spectral contrastive loss as a factorisation: `‖A - Z Zᵀ‖_F²`."""
    return (adjacency - rows @ rows.T).square().sum()


def top_eigenvectors(
    adjacency: Float[Tensor, "N N"], size: int
) -> Float[Tensor, "N D"]:
    """Optimum of `spectral_contrast`: `U diag(max(0, s))^{1/2}`, the largest s of A.

    Up to a rotation of the columns; in float64.

    Raises:
        ValueError: there are not so many eigenvectors.
    """
    num = len(adjacency)
    if not 0 < size <= num:
        raise ValueError(f"{num} nodes have 1 to {num} dimensions, not {size}")
    values, vectors = torch.linalg.eigh(adjacency.double())
    best: Tensor = vectors[:, -size:] * values[-size:].clamp(min=0).sqrt()
    return best
