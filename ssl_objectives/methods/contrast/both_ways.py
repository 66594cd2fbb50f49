"""Contrast both ways: targets look for their predictions, too."""

from dataclasses import replace
from typing import final

from torch import Tensor

from ssl_objectives.objective import Loss, Objective, Views


@final
class BothWays(Objective):
    """`(l(p → t) + l(t → p)) / 2`, for a world model's one pair of views.

    Images are compared both ways as it is; of a world model's views one has the
    prediction alone, and the other the target. NT-Xent, as JEPA has it (arXiv
    2211.10831), asks from both sides; gradient reaches both.

    Args:
        objective: compares predictions with targets, row by row.
    """

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.objective = objective
        self.needs = objective.needs

    def forward(self, views: Views) -> Loss:
        """Mean of both directions, per row; metrics are of both."""
        [(i, j)] = views.pairs
        both = (views.p[i], views.t[j])
        loss: Loss = self.objective(
            replace(views, p=both, t=both, pairs=((0, 1), (1, 0)))
        )
        assert loss.per_sample is not None
        half: Tensor = loss.per_sample / 2
        return replace(loss, per_sample=half)

    def observe(self, views: Views) -> None:
        """Let the objective take in what was seen."""
        self.objective.observe(views)
