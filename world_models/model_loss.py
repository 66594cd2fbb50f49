"""The world model's unreduced loss, and the part of it on each transition."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor


@dataclass(frozen=True)
class ModelLoss:
    """Losses of all predictions made from rows t over k+1 steps, before any mean.

    `per_prediction[k, t]` belongs to the prediction of row `t+k+1` made at row t;
    `valid` is False where it crosses an episode's end or leaves the window.
    `regularizer` is a batch-level term; it trains the model but is never a reward.
    """

    per_prediction: Float32[Tensor, "K T B"]
    valid: Bool[Tensor, "K T B"]
    regularizer: Float[Tensor, ""]
    metrics: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)

    def arrival(self) -> Float32[Tensor, "T B"]:
        """Sum, for each transition, of the losses of all predictions landing on it.

        `ℓ_t = Σ_{p+q=t+1} L_{p,q}` (BYOL-Explore, arXiv 2206.08332): the transition
        t → t+1 is credited with every prediction of row t+1, whenever it was made.
        """
        horizon, steps, _ = self.per_prediction.shape
        masked = self.per_prediction.masked_fill(~self.valid, 0.0)
        landed = masked[0].clone()
        for k in range(1, min(horizon, steps)):
            landed[k:] += masked[k, : steps - k]
        return landed

    def mean(self) -> Float32[Tensor, ""]:
        """Mean over valid predictions plus the regulariser: what is differentiated."""
        weight = self.valid.float()
        total = (self.per_prediction * weight).sum() / weight.sum().clamp(min=1.0)
        return total + self.regularizer


def prediction_valid(valid: Bool[Tensor, "T B"], horizon: int) -> Bool[Tensor, "K T B"]:
    """Which predictions use only valid transitions and stay inside the window.

    A prediction from row t over k+1 steps uses the transitions t … t+k.
    """
    steps = valid.shape[0]
    running = valid
    rows = [running]
    for k in range(1, horizon):
        later = torch.zeros_like(valid)
        if k < steps:
            later[:-k] = valid[k:]
        running = running & later
        rows.append(running)
    return torch.stack(rows)
