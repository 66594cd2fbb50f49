"""Diagnostics of collapse: effective rank, RankMe, LiDAR, alignment, uniformity."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssl_objectives.exact import exact
from ssl_objectives.parts.critics import unit


@torch.no_grad()
def effective_rank(rows: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """How many directions the rows vary in: `rankme` of the rows less their mean.

    Between 1 and min(N - 1, D). Centred, since a constant offset, which says nothing,
    would otherwise be most of the sum. Rows that are equal up to rounding get 1,
    although rounding errors alone point in all directions; rows that are not finite
    get NaN.
    """
    x = _real(rows).double()
    x = x - x.mean(0)
    gram = x.mT @ x if x.shape[0] >= x.shape[1] else x @ x.mT
    finite = gram.isfinite().all()
    # squares of the singular values, at a fraction of what those cost
    squares = torch.linalg.eigvalsh(gram.where(finite, 0.0))  # raises where not finite
    sigma = squares.clamp(min=0.0).sqrt()
    rounding = 4 * torch.finfo(_real(rows).dtype).eps * _real(rows).norm().double()
    rounding = rounding.maximum(1e-7 * sigma[-1])  # of the squares, in float64
    rank = _exp_entropy(sigma, rounding).where(finite, torch.nan)
    return rank.to(_real(rows).dtype)


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


@torch.no_grad()
def component_scale(rows: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """`√(E ‖z - E z‖² / D)`: the std of a component, as all of them have it together.

    In the rows' own units: 1 where VICReg and SIGReg want them. Sees rows that all
    shrink, which shares and directions do not.
    """
    x = _real(rows)
    return (x - x.mean(0)).square().mean().sqrt()


@exact
@torch.no_grad()
def participation_ratio(
    rows: Float[Tensor, "N D"], valid: Bool[Tensor, "N"] | None = None
) -> Float[Tensor, ""]:
    """How many directions carry the variance: `(tr C)² / tr(C²)` of the covariance C.

    Between 1 and D; k if k eigenvalues are equal and the others 0. Less sensitive to
    small directions than `effective_rank`. 1 where nothing varies.
    """
    x = _real(_kept(rows, valid))
    x = x - x.mean(0)
    x = x / x.abs().max().clamp_min(torch.finfo(x.dtype).tiny)
    total = x.square().sum()
    pairs = (x.mT @ x).square().sum()
    return torch.where(total > 0, total**2 / pairs.clamp_min(1e-30), 1.0)


@torch.no_grad()
def lidar(
    rows: Float[Tensor, "N D"],
    group: Int64[Tensor, "N"],
    delta: float = 1e-4,
    valid: Bool[Tensor, "N"] | None = None,
) -> Float[Tensor, ""]:
    """LiDAR (arXiv 2312.04000): rank of what tells groups apart, against noise.

    `exp(-Σ p log p)` over the eigenvalues of `Σ_w^{-1/2} Σ_b Σ_w^{-1/2}`, divided by
    their sum; Σ_b is the covariance of group means, `Σ_w` the mean within groups plus
    δ I. Groups are images (rows their views) or clips of an episode. Between 1 and
    min(groups - 1, D); 1 where all means are equal. Groups count alike, whatever their
    size. δ has the scale of squared latents; its value is our choice. How much groups
    differ has no part in it, only in how many directions: with time steps as groups,
    the least noise hides that an encoder shows only what is constant in an episode,
    which `within_share` does tell.
    """
    x = _real(_kept(rows, valid)).double()
    means, own = _group_means(x, _kept(group, valid))
    inside = x - means[own]
    size = own.bincount().double()
    weight = 1 / (size[own] * len(size))
    within = inside.mT @ (inside * weight.unsqueeze(-1))
    eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    values, vectors = torch.linalg.eigh(within + delta * eye)
    white = vectors * values.clamp_min(delta).rsqrt() @ vectors.mT
    between = (means - means.mean(0)) @ white / len(size) ** 0.5
    spectrum = torch.linalg.svdvals(between).square()
    rounding = 16 * torch.finfo(x.dtype).eps * (means @ white).square().mean()
    return _exp_entropy(spectrum, rounding).to(_real(rows).dtype)


@torch.no_grad()
def alignment(
    first: Float[Tensor, "N D"],
    second: Float[Tensor, "N D"],
    alpha: float = 2.0,
    valid: Bool[Tensor, "N"] | None = None,
) -> Float[Tensor, ""]:
    """Wang and Isola (arXiv 2005.10242): `E ‖f(x) - f(y)‖^α` of positives, unit rows.

    0 where all pairs agree; 2 for α = 2 where pairs are orthogonal.
    """
    one, two = (unit(_kept(x, valid)) for x in (first, second))
    mean: Tensor = (one - two).norm(dim=-1).pow(alpha).mean()
    return mean


@torch.no_grad()
def uniformity(
    rows: Float[Tensor, "N D"],
    t: float = 2.0,
    valid: Bool[Tensor, "N"] | None = None,
) -> Float[Tensor, ""]:
    """Wang and Isola (arXiv 2005.10242): `log E exp(-t ‖f(x) - f(y)‖²)`, unit rows.

    Over all pairs of different rows. 0 where all rows agree, lower the better they are
    spread over the sphere; in many dimensions down to about -2 t.
    """
    apart = torch.pdist(unit(_kept(rows, valid))).square()
    everything: Tensor = (-t * apart).logsumexp(0)
    return everything - apart.new_tensor(len(apart)).log()


@torch.no_grad()
def within_share(
    rows: Float[Tensor, "N D"],
    group: Int64[Tensor, "N"],
    valid: Bool[Tensor, "N"] | None = None,
) -> Float[Tensor, ""]:
    """`Var_within / Var_total`: how much of the variance lies inside groups.

    With trajectories as groups: near 0 for an encoder that shows only what is constant
    in an episode, near 1 for one that shows only what moves. With labels: 1 less the
    share of variance that they explain. 0 where nothing varies.
    """
    x = _real(_kept(rows, valid))
    x = x - x.mean(0)
    means, own = _group_means(x, _kept(group, valid))
    total = x.square().sum()
    inside = (x - means[own]).square().sum()
    share: Tensor = inside / total.clamp_min(torch.finfo(x.dtype).tiny)
    return share


def _kept(x: Tensor, valid: Tensor | None) -> Tensor:
    return x if valid is None else x[valid]


def _group_means(rows: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of each group, and which of them each row belongs to."""
    ids, own = group.unique(return_inverse=True)
    sums = rows.new_zeros(len(ids), rows.shape[1]).index_add_(0, own, rows)
    return sums / own.bincount(minlength=len(ids)).unsqueeze(-1), own


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
