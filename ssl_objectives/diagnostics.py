"""Is a representation alive? Measures over rows of latents."""

import torch
from jaxtyping import Float
from torch import Tensor


@torch.no_grad()
def effective_rank(rows: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """How many directions the rows vary in: `rankme` of the rows less their mean.

    Between 1 and min(N - 1, D). Centred, since a constant offset, which says nothing,
    would otherwise be most of the sum. Rows that are equal up to rounding get 1,
    although rounding errors alone point in all directions.
    """
    x = _real(rows)
    rounding = 4 * torch.finfo(x.dtype).eps * x.norm()
    return _exp_entropy(torch.linalg.svdvals(x - x.mean(0)), rounding)


@torch.no_grad()
def rankme(rows: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """RankMe as published: `exp(-Σ p_k log p_k)`, `p_k = σ_k / Σ σ`.

    σ are the singular values of the rows, mean included (Garrido et al. 2023, arXiv
    2210.02885, eq. 1). The paper adds 1e-7 to each p_k against log 0; here 0 log 0 is
    0. Between 1 and min(N, D); the cost is O(N D²), and some 2,000 rows are enough.
    """
    sigma = torch.linalg.svdvals(_real(rows))
    return _exp_entropy(sigma, torch.zeros_like(sigma[0]))


@torch.no_grad()
def relative_spread(rows: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """How far rows lie from their mean, as a share of their size.

    `√(E‖x - E x‖² / E‖x‖²)`, between 0 (all equal) and 1 (mean zero). Sees a collapse
    onto a point that `effective_rank`, which looks at directions alone, does not.
    """
    x = _real(rows)
    size = x.square().sum(-1).mean().clamp_min(torch.finfo(x.dtype).tiny)
    return ((x - x.mean(0)).square().sum(-1).mean() / size).sqrt()


def _real(rows: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
    """At least float32: there is no SVD of half precision."""
    return rows if rows.dtype == torch.float64 else rows.float()


def _exp_entropy(
    sigma: Float[Tensor, "K"], rounding: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """1 where no singular value is above rounding."""
    sigma = torch.where(sigma > rounding, sigma, 0.0)
    p = sigma / sigma.sum().clamp_min(torch.finfo(sigma.dtype).tiny)
    entropy: Tensor = torch.special.entr(p).sum()
    return entropy.exp()
