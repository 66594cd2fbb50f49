"""Entropy estimates of latents: log-det and pairwise bounds, nearest neighbours.

All are differential entropies in nats, over the valid rows of each group.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.exact import exact
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.moments import centered


@exact
def gaussian_entropy(
    rows: Float[Tensor, "*G N D"],
    valid: Bool[Tensor, "*G N"] | None = None,
    eps: float = 0.0,
) -> Float[Tensor, "*G"]:
    """`½ log det(2πe (Cov + ε I))`, biased Cov: no distribution of this Cov has more.

    -∞ with ε = 0 where rows do not vary in all directions. Unlike
    VICReg's hinge it never stops growing with the rows: bound or normalise them.
    """
    x, count = centered(rows, valid)
    covariance = x.mT @ x / count.clamp(min=1)[..., None, None]
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    size = x.shape[-1] * math.log(2 * math.pi * math.e)
    # by eigenvalues: rounding may leave a determinant of 0 below it
    values = torch.linalg.eigvalsh(covariance + eps * eye).clamp(min=0)
    entropy: Tensor = (size + values.log().sum(-1)) / 2
    return entropy


def mixture_entropy_upper(
    rows: Float[Tensor, "*G N D"],
    std: float,
    valid: Bool[Tensor, "*G N"] | None = None,
) -> Float[Tensor, "*G"]:
    """No less than the entropy of `mean_i N(z_i, std² I)` (Kolchinsky and Tracey).

    `h - mean_i log mean_j exp(-D_ij)` with h of one Gaussian and D their
    Kullback-Leibler divergence, `D = ‖z_i - z_j‖² / (2 std²)` (arXiv 1706.02419).
    """
    return _pairwise(rows, std, valid, 2.0)


def mixture_entropy_lower(
    rows: Float[Tensor, "*G N D"],
    std: float,
    valid: Bool[Tensor, "*G N"] | None = None,
) -> Float[Tensor, "*G"]:
    """No more than the entropy of `mean_i N(z_i, std² I)`: Bhattacharyya distances.

    As `mixture_entropy_upper`, with `D = ‖z_i - z_j‖² / (8 std²)`. Both bounds meet at
    `log N + h` where all rows are far apart, and at h where all are equal.
    """
    return _pairwise(rows, std, valid, 8.0)


def neighbor_entropy(
    rows: Float[Tensor, "*G N D"],
    neighbors: int = 3,
    valid: Bool[Tensor, "*G N"] | None = None,
) -> Float[Tensor, "*G N"]:
    """How much each row adds to the entropy, from its k-th nearest neighbour.

    `D log ρ_k + log V_D + ψ(n) - ψ(k)`, V_D the volume of the unit ball: the mean over
    valid rows is the estimate of Kozachenko and Leonenko. Over visited states this is
    the particle-entropy reward. 0 for rows that are not valid, and in groups with too
    few neighbours. Duplicates count as a distance of 1e-6.

    Raises:
        ValueError: no neighbour is asked for.
    """
    if neighbors < 1:
        raise ValueError(f"entropy needs 1 neighbour or more, not {neighbors}")
    x = at_least_float32(rows)
    num, size = x.shape[-2:]
    here = x.new_ones(x.shape[:-1], dtype=torch.bool) if valid is None else valid
    count = here.sum(-1).to(x.dtype)
    if num <= neighbors:
        return x.new_zeros(x.shape[:-1])
    x = x.masked_fill(~here.unsqueeze(-1), 0.0)
    itself = torch.eye(num, dtype=torch.bool, device=x.device)
    apart = _distances(x)
    apart = apart.masked_fill(itself | ~here.unsqueeze(-2), torch.inf)
    nearest = apart.kthvalue(neighbors, dim=-1).values.clamp(min=1e-6)
    told = here & (count > neighbors).unsqueeze(-1)
    log_radius = nearest.masked_fill(~told, 1.0).log()
    log_ball = size / 2 * math.log(math.pi) - math.lgamma(size / 2 + 1)
    known = torch.digamma(count.clamp(min=1)) - torch.digamma(x.new_tensor(neighbors))
    each = size * log_radius + log_ball + known.unsqueeze(-1)
    return each.masked_fill(~told, 0.0)


def _distances(rows: Float[Tensor, "*G N D"]) -> Float[Tensor, "*G N N"]:
    """By differences: through inner products, near rows would lose their digits."""
    return torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")


def _pairwise(
    rows: Float[Tensor, "*G N D"],
    std: float,
    valid: Bool[Tensor, "*G N"] | None,
    divisor: float,
) -> Float[Tensor, "*G"]:
    """0 where no row is valid."""
    x = at_least_float32(rows)
    here = x.new_ones(x.shape[:-1], dtype=torch.bool) if valid is None else valid
    count = here.sum(-1).to(x.dtype)
    x = x.masked_fill(~here.unsqueeze(-1), 0.0)
    divergence = _distances(x).square() / (divisor * std**2)
    # a row's own column stays: no row is without candidates
    own = torch.eye(x.shape[-2], dtype=torch.bool, device=x.device)
    far = ~(here.unsqueeze(-2) | own)
    near = (-divergence).masked_fill(far, -torch.inf).logsumexp(-1)
    some = count.clamp(min=1)
    mean = near.masked_fill(~here, 0.0).sum(-1) / some - some.log()
    one = x.shape[-1] / 2 * math.log(2 * math.pi * math.e * std**2)
    return (one - mean).masked_fill(count < 1, 0.0)
