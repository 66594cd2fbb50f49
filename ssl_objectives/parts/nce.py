"""Noise-contrastive estimation: is this candidate the positive or was it drawn?"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def noise_contrast(
    logits: Float[Tensor, "*G N M"],
    positive: Bool[Tensor, "*G N M"],
    keep: Bool[Tensor, "*G N M"],
    normalizer: float,
) -> Float[Tensor, "*G N"]:
    """`-Σ_pos log h - Σ_neg log(1 - h)`, `h = P / (P + K/R)` with `P = e^s / (c R)`.

    R rows of data, of which K negatives were drawn evenly for each query, and the
    constant `c R` in the place of a sum over all of them. R cancels:
    `h = sigmoid(s - log(c K))`. A row without negatives is 0.

    Args:
        logits: s.
        positive: which candidates are right.
        keep: which take part, positives included.
        normalizer: c, the mean of e^s over the data.
    """
    negative = keep & ~positive
    number = negative.sum(-1, keepdim=True)
    shifted = logits - number.clamp(min=1).log() - math.log(normalizer)
    right = torch.nn.functional.softplus(-shifted).masked_fill(~positive, 0.0)
    wrong = torch.nn.functional.softplus(shifted).masked_fill(~negative, 0.0)
    return (right + wrong).sum(-1).masked_fill(number.squeeze(-1) == 0, 0.0)
