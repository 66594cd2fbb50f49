"""Contrast both ways: targets look for their predictions, too."""

from collections.abc import Iterable
from dataclasses import replace
from typing import final

from jaxtyping import Float, Int64
from torch import Tensor

from ssl_objectives.objective import Loss, Objective, Views


@final
class BothWays(Objective):
    """`(l(p → t) + l(t → p)) / 2` for each pair, for the one pair of a world model.

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
        """Half of both directions, per row; metrics are of both."""
        sides = [x for i, j in views.pairs for x in (views.p[i], views.t[j])]
        firsts = range(0, len(sides), 2)
        pairs = [x for n in firsts for x in ((n, n + 1), (n + 1, n))]
        loss: Loss = self.objective(
            replace(views, p=tuple(sides), t=tuple(sides), pairs=tuple(pairs))
        )
        assert loss.per_sample is not None
        half: Tensor = loss.per_sample / 2
        return replace(loss, per_sample=half)

    def observe(self, views: Views) -> None:
        """Let the objective take in what was seen."""
        self.objective.observe(views)

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Let the objective sweep."""
        self.objective.refresh(rows)
