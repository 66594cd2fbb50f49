"""Weighted sums of objectives, which are objectives again."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.objective import Loss, Needs, Objective, TargetKind, Views


class Weighted(Objective):
    """`Σ weight · objective`; needs what any of them needs.

    Args:
        terms: weights and objectives.

    Raises:
        ValueError: their targets or numbers of views cannot be had at once.
    """

    def __init__(self, terms: Sequence[tuple[float, Objective]]) -> None:
        super().__init__()
        self.weights = tuple(weight for weight, _ in terms)
        self.objectives = nn.ModuleList(x for _, x in terms)
        self.needs = _union([x.needs for _, x in terms])

    def forward(self, views: Views) -> Loss:
        """Sum of per-sample terms, of regularisers; all metrics."""
        per_sample: Tensor | None = None
        regularizer: Tensor | None = None
        metrics: dict[str, Tensor] = {}
        if self.needs.target is not TargetKind.SHARED:
            # one wants targets without gradient: then they have none for any
            views = replace(views, t=views.detach().t)
        for weight, objective in zip(self.weights, self.objectives, strict=True):
            loss = objective(views)
            term = weight * loss.regularizer
            regularizer = term if regularizer is None else regularizer + term
            metrics |= loss.metrics
            if loss.per_sample is not None:
                each = weight * loss.per_sample
                per_sample = each if per_sample is None else per_sample + each
        assert regularizer is not None
        return Loss(per_sample, regularizer, metrics)

    def observe(self, views: Views) -> None:
        """Let all of them observe."""
        for x in self.objectives:
            cast(Objective, x).observe(views)

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Let all of them sweep; the rows are read once."""
        kept = list(rows)
        for x in self.objectives:
            cast(Objective, x).refresh(kept)


def _union(needs: Sequence[Needs]) -> Needs:
    kinds = {x.target for x in needs if x.target is not TargetKind.SHARED}
    if len(kinds) > 1:
        wanted = " and ".join(sorted(x.value for x in kinds))
        raise ValueError(f"one wants targets from {wanted}: they cannot be summed")
    least = max(x.views[0] for x in needs)
    limits = [x.views[1] for x in needs if x.views[1] is not None]
    most = min(limits, default=None)
    if most is not None and least > most:
        raise ValueError(f"one takes {least} or more views, another at most {most}")
    return Needs(
        views=(least, most),
        target=kinds.pop() if kinds else TargetKind.SHARED,
        per_sample=any(x.per_sample for x in needs),
        rows=any(x.rows for x in needs),
        sweep=any(x.sweep for x in needs),
        rep=any(x.rep for x in needs),
        maps=any(x.maps for x in needs),
        one_batch=any(x.one_batch for x in needs),
        extra=frozenset().union(*(x.extra for x in needs)),
    )
