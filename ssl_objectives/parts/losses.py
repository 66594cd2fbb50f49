"""Loss functions over rows, without state: regression, InfoNCE, DCL, NCE."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.parts.critics import at_least_float32

EPS = 1e-8  # the least length of a row that is divided by


def normalized_regression(
    prediction: Float[Tensor, "*G N D"], target: Float[Tensor, "*G N D"]
) -> Float[Tensor, "*G N"]:
    """`‖ p/‖p‖ - t/‖t‖ ‖² = 2 - 2 cos(p, t)`, one value per row; t gets no gradient."""
    p, t = at_least_float32(prediction), at_least_float32(target.detach())
    # numbers are divided, not rows: half the passes over memory of cosine_similarity
    lengths = p.norm(dim=-1).clamp(min=EPS) * t.norm(dim=-1).clamp(min=EPS)
    cosine: Tensor = (p * t).sum(-1) / lengths
    return 2 - 2 * cosine


def softmax_over_candidates(
    logits: Float[Tensor, "*G N M"],
    positive: Bool[Tensor, "*G N M"],
    keep: Bool[Tensor, "*G N M"],
) -> Float[Tensor, "*G N"]:
    """InfoNCE: `-log Σ_pos e^s / Σ_kept e^s` per row; positives are kept candidates.

    With several positives this is the log of their sum (Local Aggregation's form).
    """
    everything = logits.masked_fill(~keep, -torch.inf).logsumexp(-1)
    return everything - logits.masked_fill(~positive, -torch.inf).logsumexp(-1)


def decoupled_softmax(
    logits: Float[Tensor, "*G N M"],
    positive: Bool[Tensor, "*G N M"],
    keep: Bool[Tensor, "*G N M"],
    weight: Float[Tensor, "*G N"] | float = 1.0,
) -> Float[Tensor, "*G N"]:
    """DCL: `-w s_pos + log Σ_negatives e^s`, positives out of the denominator.

    With one positive and w = 1, InfoNCE = softplus(DCL) (arXiv 2110.06848). A row
    without negatives, from which nothing can be learned, is 0.
    """
    negative = keep & ~positive
    alone = ~negative.any(-1)
    # -∞ everywhere would have no gradient but NaN, even where it is not used
    negative = negative | alone.unsqueeze(-1)
    everything_else = logits.masked_fill(~negative, -torch.inf).logsumexp(-1)
    wanted = logits.masked_fill(~positive, -torch.inf).logsumexp(-1)
    return (everything_else - weight * wanted).masked_fill(alone, 0.0)


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
