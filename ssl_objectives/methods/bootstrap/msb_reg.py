"""MSBReg's three terms, together and as additions to other objectives.

From the paper on embedding-dynamic self-supervised learning (arXiv 2207.03552), known
to us by its abstract and a third-party implementation of two terms: the published
form of the spectral term, its weight and the paper's numbers are not verified.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.critics import unit
from ssl_objectives.parts.losses import normalized_regression
from ssl_objectives.parts.noise import uniform_of_rows
from ssl_objectives.parts.step_counter import StepCounter


class Centroid(Objective):
    """`‖ n(mean_k n(p_k)) - sg n(mean_k n(t_k)) ‖² = 2 - 2 cos`, one value per row.

    The centres of all predictions and of all targets of an image. Indifferent to the
    order of views. With the one prediction and target of a world model it is BYOL's.
    """

    needs = Needs(views=(2, None), target=TargetKind.EMA)

    def forward(self, views: Views) -> Loss:
        """One value per row; rows that are not valid are 0."""
        made = torch.stack([unit(x) for x in views.p if x is not None]).mean(0)
        aims = torch.stack([unit(x) for x in views.t if x is not None]).mean(0)
        each = normalized_regression(made, aims)
        if views.valid is not None:
            each = each.masked_fill(~views.valid, 0.0)
        return Loss(each, each.new_zeros(()))


class Brownian(Objective):
    """`mean ⟨n(z), ν⟩`, ν a random unit vector of each image: a random kick.

    All views of an image share ν, which is new in each step: its mean over steps is 0.
    ν follows from the row's id, so that the order of the batch does not matter; rows
    without ids (a world model's) all share one ν per step. A regulariser, never a
    reward. Acts on projections z, or predictions where no view has one.
    """

    needs = Needs(views=(1, None), per_sample=False)

    def __init__(self) -> None:
        super().__init__()
        self.counter = StepCounter()

    def forward(self, views: Views) -> Loss:
        """Kicks are the same until `observe` is called."""
        online, valid = _online(views)
        sides = torch.stack([unit(x) for x in online])
        generator = self.counter.generator(sides.device)
        kick = unit(_normal(views.row, sides.shape[-1], generator).to(sides.dtype))
        along = (sides * kick).sum(-1).mean(0)
        return Loss(None, _mean(along, valid))

    def observe(self, views: Views) -> None:
        """The next step kicks elsewhere."""
        self.counter.advance()


class Spectral(Objective):
    """`‖ Σ_n n(z_n) n(z_n)ᵀ / N ‖_F²`: least when all singular values are equal.

    Between 1/min(N, D) (orthonormal rows) and 1 (all in one direction). The published
    term is on the singular values themselves; since unit rows fix the sum of their
    squares, both have the same optimum, where the gradient of an SVD blows up and this
    one does not. Rows are not centred: with a mean taken off, collapse would cost
    nothing.
    """

    needs = Needs(views=(1, None), per_sample=False)

    def forward(self, views: Views) -> Loss:
        """Mean over views and groups."""
        online, valid = _online(views)
        return Loss(None, torch.stack([self._share(x, valid) for x in online]).mean())

    def _share(
        self, rows: Float[Tensor, "*G N D"], valid: Bool[Tensor, "*G N"] | None
    ) -> Float[Tensor, ""]:
        x = unit(rows)
        count = x.new_full(x.shape[:-2], float(x.shape[-2]))
        if valid is not None:
            x = x.masked_fill(~valid.unsqueeze(-1), 0.0)
            count = valid.sum(-1).to(x.dtype)
        wide = x.shape[-1] > x.shape[-2]
        everything = (x @ x.mT if wide else x.mT @ x).square().sum((-2, -1))
        return (everything / count.clamp(min=1).square()).mean()


def _online(
    views: Views,
) -> tuple[list[Float[Tensor, "*G N D"]], Bool[Tensor, "*G N"] | None]:
    """Projections, or predictions where no view has one; and which rows count."""
    if views.seen:
        return list(views.seen), views.seen_valid
    return [p for p in views.p if p is not None], views.valid


def _mean(
    each: Float[Tensor, "*G N"], valid: Bool[Tensor, "*G N"] | None
) -> Float[Tensor, ""]:
    if valid is None:
        return each.mean()
    return each.masked_fill(~valid, 0.0).sum() / valid.sum().clamp(min=1)


def _normal(
    row: Int64[Tensor, "*G N"] | None, size: int, generator: torch.Generator
) -> Float[Tensor, "*G N D"]:
    """Standard normal rows that follow from ids; one for all where there are none."""
    turns = uniform_of_rows(row, size, generator)
    tiny = torch.finfo(torch.float64).eps
    normal: Tensor = torch.special.ndtri(turns.clamp(tiny, 1 - tiny))
    return normal


@dataclass(frozen=True)
class MsbRegConfig:
    """MSBReg: centres of views, random kicks, and even singular values."""

    brownian: float = 0.1
    """weight of the random kicks"""
    spectral: float = 1.0
    """weight of the singular values' spread; our choice"""

    def build(self, sizes: Sizes) -> Weighted:
        """Build the objective; it is the same for all sizes."""
        return Weighted(
            [
                (1.0, Centroid()),
                (self.brownian, Brownian()),
                (self.spectral, Spectral()),
            ]
        )
