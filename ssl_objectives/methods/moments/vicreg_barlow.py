"""VICReg and Barlow Twins: variance, covariance and cross-correlation terms."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.critics import at_least_float32
from ssl_objectives.parts.moments import (
    covariance_penalty,
    cross_correlation,
    variance_hinge,
)


class VicReg(Objective):
    """VICReg (arXiv 2105.04906): invariance per row, variance and covariance per batch.

    `λ ‖p_i - t_j‖²/D + μ mean_views v(z) + ν Σ_views c(z)`, v the hinge on the std of
    each column (ε inside the root), c the squared off-diagonal covariances over D.
    Scale of the official code: the variance term averages over views, the covariance
    term sums over them, and a pair of views counts once. Deviation: more than two views
    are allowed; invariance is then the mean over unordered pairs.

    The invariance is the per-sample term, the rest the regulariser: it never becomes a
    reward. Collapsed inputs give μ (1 - √ε) = 24.75. Regularised are the views that
    have a projection z: all views of an image; of a world model what the encoder saw,
    not what was predicted, as in JEPA (arXiv 2211.10831). Where no view has one, as
    when rewards are scored, there is no regulariser.

    Args:
        invariance, variance, covariance: λ, μ, ν.
    """

    needs = Needs()

    def __init__(
        self,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
    ) -> None:
        super().__init__()
        self.invariance = invariance
        self.variance = variance
        self.covariance = covariance

    def forward(self, views: Views) -> Loss:
        """Regularisers are means over groups; 0 where no view has a projection."""
        each = [_squared_error(views, i, j) for i, j in _once(views)]
        per_row = self.invariance * torch.stack(each).mean(0)
        if views.valid is not None:
            per_row = per_row.masked_fill(~views.valid, 0.0)
        if not views.seen:
            return Loss(per_row, per_row.new_zeros(()))
        valid = views.seen_valid
        spread = [variance_hinge(x, valid).mean() for x in views.seen]
        mixed = [covariance_penalty(x, valid).mean() for x in views.seen]
        variance = torch.stack(spread).mean()
        covariance = torch.stack(mixed).sum()
        return Loss(
            per_row,
            self.variance * variance + self.covariance * covariance,
            {
                "vicreg/variance": variance.detach(),
                "vicreg/covariance": covariance.detach(),
            },
        )


@dataclass(frozen=True)
class VicRegConfig:
    """VICReg: predictions near, latents spread out and uncorrelated."""

    invariance: float = 25.0
    """λ, weight of the squared error"""
    variance: float = 25.0
    """μ, weight of the hinge on each column's std"""
    covariance: float = 1.0
    """ν, weight of squared covariances"""

    def build(self, sizes: Sizes) -> VicReg:
        """Build the objective; it is the same for all sizes."""
        return VicReg(self.invariance, self.variance, self.covariance)


class BarlowTwins(Objective):
    """Barlow Twins (arXiv 2103.03230): the cross-correlation shall be the identity.

    `Σ_i (1 - C_ii)² + λ Σ_{i≠j} C_ij²`, official λ = 0.0051, unscaled as in the
    official code. A statement about a batch: there is no per-sample term.

    Args:
        off_diagonal: λ.
    """

    needs = Needs(per_sample=False)

    def __init__(self, off_diagonal: float = 0.0051) -> None:
        super().__init__()
        self.off_diagonal = off_diagonal

    def forward(self, views: Views) -> Loss:
        """Mean over unordered pairs of views, and over groups."""
        total = torch.stack([self._redundancy(views, i, j) for i, j in _once(views)])
        return Loss(None, total.mean())

    def _redundancy(self, views: Views, i: int, j: int) -> Float[Tensor, ""]:
        first, second = views.p[i], views.t[j]
        assert first is not None
        assert second is not None
        c = cross_correlation(first, second, views.valid)
        diagonal = c.diagonal(dim1=-2, dim2=-1)
        off = c.square().sum((-2, -1)) - diagonal.square().sum(-1)
        loss: Tensor = (1 - diagonal).square().sum(-1) + self.off_diagonal * off
        return loss.mean()


@dataclass(frozen=True)
class BarlowConfig:
    """Barlow Twins: columns of two views agree, and do not repeat each other."""

    off_diagonal: float = 0.0051
    """λ, weight of correlations between different columns"""

    def build(self, sizes: Sizes) -> BarlowTwins:
        """Build the objective; it is the same for all sizes."""
        return BarlowTwins(self.off_diagonal)


def _once(views: Views) -> list[tuple[int, int]]:
    """Each pair of views in one direction."""
    seen = {frozenset(pair): pair for pair in reversed(views.pairs)}
    return list(seen.values())


def _squared_error(views: Views, i: int, j: int) -> Float[Tensor, "*G N"]:
    prediction, target = views.p[i], views.t[j]
    assert prediction is not None
    assert target is not None
    return (at_least_float32(prediction) - at_least_float32(target)).square().mean(-1)
