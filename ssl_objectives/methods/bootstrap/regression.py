"""Plain regression onto a target that does not move to meet the prediction."""

from dataclasses import dataclass

import torch

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.critics import at_least_float32


class Regression(Objective):
    """`mean_pairs ‖p_i - sg t_j‖² / D`: squared error, without any normalisation.

    Nothing in it prevents collapse: it is for targets that something else shapes, such
    as a frozen encoder or one that inverse dynamics trains (ICM's forward model, arXiv
    1705.05363).
    """

    needs = Needs(target=TargetKind.STOP)

    def forward(self, views: Views) -> Loss:
        """Mean over pairs, per row; rows that are not valid are 0 without gradient."""
        errors = []
        for i, j in views.pairs:
            prediction, target = views.p[i], views.t[j]
            assert prediction is not None
            assert target is not None
            away = at_least_float32(prediction) - at_least_float32(target).detach()
            errors.append(away.square().mean(-1))
        total = torch.stack(errors).mean(0)
        if views.valid is not None:
            total = total.masked_fill(~views.valid, 0.0)
        return Loss(total, total.new_zeros(()))


@dataclass(frozen=True)
class RegressionConfig:
    """Squared error to targets that something else shapes."""

    def build(self, sizes: Sizes) -> Regression:
        """Build the objective; it is the same for all sizes."""
        return Regression()
