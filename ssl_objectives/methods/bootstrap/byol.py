"""BYOL and SimSiam: regression onto a target network, without negatives."""

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.losses import normalized_regression


class Byol(Objective):
    """BYOL's loss (arXiv 2006.07733): `Σ_pairs ‖ p̂_i - sg t̂_j ‖² = Σ 2 - 2 cos`.

    Scale as in the official code: the sum over both directions for two views, and
    `2 - 2 cos` for the single pair (prediction, target) of a world model. Has no
    regulariser; what prevents collapse is the predictor and the EMA target.
    """

    needs = Needs(target=TargetKind.EMA)

    def forward(self, views: Views) -> Loss:
        """Sum over pairs, per row; rows that are not valid are 0 without gradient."""
        losses = [
            normalized_regression(cast(Tensor, views.p[i]), cast(Tensor, views.t[j]))
            for i, j in views.pairs
        ]
        total = torch.stack(losses).sum(0) if len(losses) > 1 else losses[0]
        if views.valid is not None:
            total = total.masked_fill(~views.valid, 0.0)
        return Loss(per_sample=total, regularizer=total.new_zeros(()))


class SimSiam(Objective):
    """SimSiam's loss (arXiv 2011.10566): BYOL's, aimed at the same network, stopped.

    `mean_pairs 1 - cos(p_i, sg z_j)`: a quarter of BYOL's for two views, and the
    official code's scale but for the constant 1, which keeps it from going below 0.
    """

    needs = Needs(target=TargetKind.STOP)

    def __init__(self) -> None:
        super().__init__()
        self.byol = Byol()

    def forward(self, views: Views) -> Loss:
        """Mean over pairs, per row; rows that are not valid are 0 without gradient."""
        loss: Loss = self.byol(views)
        assert loss.per_sample is not None
        return replace(loss, per_sample=loss.per_sample / (2 * len(views.pairs)))


@dataclass(frozen=True)
class SimSiamConfig:
    """SimSiam: BYOL without a target network."""

    def build(self, sizes: Sizes) -> SimSiam:
        """Build the objective; it is the same for all sizes."""
        return SimSiam()


@dataclass(frozen=True)
class ByolConfig:
    """BYOL: cosine distance to a target that follows slowly."""

    def build(self, sizes: Sizes) -> Byol:
        """Build the objective; it is the same for all sizes."""
        return Byol()
