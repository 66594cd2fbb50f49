"""Bounds on mutual information: Jensen-Shannon, Donsker-Varadhan, skew Rényi.

A score says how well two things fit. Some pairs were drawn together (`joint`), others
apart (`product`), none in both ways; pairs in neither mask do not exist. Every function
returns what to minimise, the negative of the bound, over the last axis: M pairs of each
group. To take expectations per row, let rows be groups; over a whole batch, flatten its
pairs. A group without pairs of both kinds says nothing: it is 0, without gradient.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import softplus

from ssl_objectives.parts.critics import at_least_float32


def jensen_shannon(
    scores: Float[Tensor, "*G M"],
    joint: Bool[Tensor, "*G M"],
    product: Bool[Tensor, "*G M"],
) -> Float[Tensor, "*G"]:
    """Deep InfoMax's form (arXiv 1808.06670), between -2 log 2 and, at zero scores, 0.

    `E_product[softplus(u) - log 2] - E_joint[log 2 - softplus(-u)]`.
    """
    u = at_least_float32(scores)
    wrong = softplus(torch.where(joint, -u, u))
    shares = (
        mask / mask.sum(-1, keepdim=True).clamp(min=1) for mask in (joint, product)
    )
    mean = (wrong * sum(shares)).sum(-1) - 2 * math.log(2)
    return mean.masked_fill(_empty(joint, product), 0.0)


def donsker_varadhan(
    scores: Float[Tensor, "*G M"],
    joint: Bool[Tensor, "*G M"],
    product: Bool[Tensor, "*G M"],
) -> Float[Tensor, "*G"]:
    """`log E_product[e^u] - E_joint[u]`: a bound on the Kullback-Leibler divergence."""
    return skew_renyi(scores, joint, product, gamma=1.0, alpha=0.0)


def skew_renyi(
    scores: Float[Tensor, "*G M"],
    joint: Bool[Tensor, "*G M"],
    product: Bool[Tensor, "*G M"],
    gamma: float,
    alpha: float,
) -> Float[Tensor, "*G"]:
    """A bound on the skew Rényi divergence of order γ (arXiv 2208.06270).

    `log(α E_joint[e^{γu}] + (1-α) E_product[e^{γu}]) / γ` less
    `log E_joint[e^{(γ-1)u}] / (γ-1)`, which is `E_joint[u]` at γ = 1. The same when all
    scores rise alike, and for α > 0 never below `log(α) / γ`.

    Args:
        scores, joint, product: see above.
        gamma: γ ≥ 1.
        alpha: α in [0, 1], the share of joint pairs in what joint pairs are held
            against; 0 with γ = 1 gives Donsker and Varadhan's bound.

    Raises:
        ValueError: γ or α is out of range.
    """
    if not gamma >= 1:
        raise ValueError(f"a Rényi divergence's order must be 1 or more, not {gamma}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"a share of joint pairs must be in [0, 1], not {alpha}")
    u, empty = at_least_float32(scores), _empty(joint, product)
    # -∞ everywhere would have no gradient but NaN, even where it is not used
    joint, product = joint | empty.unsqueeze(-1), product | empty.unsqueeze(-1)
    mixed = []
    if alpha > 0:
        mixed.append(math.log(alpha) + _log_mean_exp(gamma * u, joint))
    if alpha < 1:
        mixed.append(math.log1p(-alpha) + _log_mean_exp(gamma * u, product))
    against = torch.stack(mixed).logsumexp(0) / gamma
    if gamma == 1:
        together = masked_mean(u, joint)
    else:
        together = _log_mean_exp((gamma - 1) * u, joint) / (gamma - 1)
    return (against - together).masked_fill(empty, 0.0)


def masked_mean(
    x: Float[Tensor, "*G M"], mask: Bool[Tensor, "*G M"]
) -> Float[Tensor, "*G"]:
    """The mean of what the mask lets through; 0 where that is nothing."""
    return x.masked_fill(~mask, 0.0).sum(-1) / mask.sum(-1).clamp(min=1)


def _log_mean_exp(
    x: Float[Tensor, "*G M"], mask: Bool[Tensor, "*G M"]
) -> Float[Tensor, "*G"]:
    count: Tensor = mask.sum(-1).to(x.dtype)
    return x.masked_fill(~mask, -torch.inf).logsumexp(-1) - count.log()


def _empty(
    joint: Bool[Tensor, "*G M"], product: Bool[Tensor, "*G M"]
) -> Bool[Tensor, "*G"]:
    return ~(joint.any(-1) & product.any(-1))
