"""Variance, covariance and cross-correlation over the valid rows of each group."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.parts.critics import at_least_float32


def centered(
    rows: Float[Tensor, "*G N D"], valid: Bool[Tensor, "*G N"] | None
) -> tuple[Float[Tensor, "*G N D"], Float[Tensor, "*G"]]:
    """Rows less their mean (0 where not valid), and how many count, in float32."""
    x = at_least_float32(rows)
    if valid is None:
        count = x.new_full(x.shape[:-2], float(x.shape[-2]))
        return x - x.mean(-2, keepdim=True), count
    x = x.masked_fill(~valid.unsqueeze(-1), 0.0)
    count = valid.sum(-1).to(x.dtype)
    mean = x.sum(-2, keepdim=True) / count.clamp(min=1)[..., None, None]
    return (x - mean).masked_fill(~valid.unsqueeze(-1), 0.0), count


def variance_hinge(
    rows: Float[Tensor, "*G N D"],
    valid: Bool[Tensor, "*G N"] | None = None,
    gamma: float = 1.0,
    eps: float = 1e-4,
) -> Float[Tensor, "*G"]:
    """VICReg's variance term: `mean_d relu(γ - √(Var_d + ε))`, unbiased Var.

    Groups with fewer than two valid rows have no variance: their term is 0.
    """
    x, count = centered(rows, valid)
    variance = x.square().sum(-2) / (count - 1).clamp(min=1).unsqueeze(-1)
    hinge = torch.relu(gamma - (variance + eps).sqrt()).mean(-1)
    return hinge.masked_fill(count < 2, 0.0)


def covariance_penalty(
    rows: Float[Tensor, "*G N D"], valid: Bool[Tensor, "*G N"] | None = None
) -> Float[Tensor, "*G"]:
    """VICReg's covariance term: `Σ_{i≠j} Cov_ij² / D`, unbiased Cov; 0 below 2 rows.

    `‖XᵀX‖_F = ‖XXᵀ‖_F`: whichever of the two is smaller is computed.
    """
    x, count = centered(rows, valid)
    # divided before sums are squared, which would be the first to overflow
    x = x / (count - 1).clamp(min=1).sqrt()[..., None, None]
    wide = x.shape[-1] > x.shape[-2]
    everything = (x @ x.mT if wide else x.mT @ x).square().sum((-2, -1))
    off = everything - x.square().sum(-2).square().sum(-1)
    return off / x.shape[-1]


def cross_correlation(
    first: Float[Tensor, "*G N D"],
    second: Float[Tensor, "*G N D"],
    valid: Bool[Tensor, "*G N"] | None = None,
    eps: float = 1e-5,
) -> Float[Tensor, "*G D D"]:
    """Barlow Twins' C: correlations of the columns of two views, biased moments.

    `C_ij = Σ_n x_ni y_nj / N` after batch normalisation with ε inside the root.
    """
    x, count = centered(first, valid)
    y, _ = centered(second, valid)
    number = count.clamp(min=1)[..., None, None]
    x = x / (x.square().sum(-2, keepdim=True) / number + eps).sqrt()
    y = y / (y.square().sum(-2, keepdim=True) / number + eps).sqrt()
    return x.mT @ y / number
