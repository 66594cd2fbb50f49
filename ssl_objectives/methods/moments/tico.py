"""TiCo: views near, and away from where all rows of late have been."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.objective import (
    Loss,
    Needs,
    Objective,
    Sizes,
    TargetKind,
    Views,
    given,
)
from ssl_objectives.parts.critics import unit
from ssl_objectives.parts.targets import checked_decay


class TiCo(Objective):
    """TiCo (arXiv 2206.10698): `mean 1 - ⟨p̂_i, sg t̂_j⟩ + ρ mean_n ẑ_nᵀ C ẑ_n`.

    `C ← β C + (1 - β) Σ_n ẑ_n ẑ_nᵀ / N`, second moments of unit projections over many
    batches, this one included, without gradient; it begins at 0. A row is driven away
    from directions in which much has been, as if by a queue of all of them, at the
    price of one D×D matrix. Collapsed rows give `ρ (1 - β^k)` after k - 1 updates.

    Scale of the official code. What is regularised are the views with a projection z,
    as in VICReg; the invariance is the per-sample term, and the rest never a reward.
    Deviation: of several views all are regularised, each with its own share of C, and
    C takes the mean of them once in a step; the official code takes one view as the
    online one (the release in lightly, called both ways, updates C twice).

    Args:
        size: D, numbers in a row.
        contrast: ρ.
        decay: β.

    Raises:
        ValueError: the decay is not within [0, 1).
    """

    needs = Needs(target=TargetKind.EMA)

    def __init__(self, size: int, contrast: float = 8.0, decay: float = 0.9) -> None:
        super().__init__()
        self.contrast, self.decay = contrast, checked_decay(decay)
        self.register_buffer("covariance", torch.zeros(size, size))
        self.covariance: Tensor

    def forward(self, views: Views) -> Loss:
        """Means over pairs, views and groups; C moves in `observe` alone."""
        near = [
            1 - (unit(given(views.p[i])) * unit(given(views.t[j]).detach())).sum(-1)
            for i, j in views.pairs
        ]
        per_row = torch.stack(near).mean(0)
        if views.valid is not None:
            per_row = per_row.masked_fill(~views.valid, 0.0)
        if not views.seen:
            return Loss(per_row, per_row.new_zeros(()))
        valid = views.seen_valid
        spread = torch.stack([self._contrast(z, valid) for z in views.seen]).mean()
        metrics = {"tico/contrast": spread.detach()}
        return Loss(per_row, self.contrast * spread, metrics)

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Let C follow; it stays where no row counts."""
        if not views.seen:
            return
        valid = views.seen_valid
        flat = None if valid is None else valid.flatten()
        each = [second_moments(unit(z).flatten(0, -2), flat) for z in views.seen]
        mean = torch.stack(each).mean(0).to(self.covariance)
        there = mean.new_ones(()) if flat is None else flat.any().to(mean.dtype)
        self.covariance.lerp_(mean, (1 - self.decay) * there)

    def _contrast(
        self, rows: Float[Tensor, "*G N D"], valid: Bool[Tensor, "*G N"] | None
    ) -> Float[Tensor, ""]:
        z = unit(rows)
        moments = second_moments(z.detach(), valid)
        c = self.decay * self.covariance.to(z) + (1 - self.decay) * moments
        each = ((z @ c) * z).sum(-1)
        if valid is None:
            return each.mean()
        return each.masked_fill(~valid, 0.0).sum() / valid.sum().clamp(min=1)


def second_moments(
    rows: Float[Tensor, "*G N D"], valid: Bool[Tensor, "*G N"] | None
) -> Float[Tensor, "*G D D"]:
    """`Σ_n z_n z_nᵀ / N` over valid rows of each group; 0 where there are none."""
    if valid is None:
        return rows.mT @ rows / rows.shape[-2]
    kept = rows.masked_fill(~valid.unsqueeze(-1), 0.0)
    return kept.mT @ kept / valid.sum(-1).clamp(min=1)[..., None, None]


@dataclass(frozen=True)
class TiCoConfig:
    """TiCo: views near, rows away from where all rows of late have been."""

    contrast: float = 8.0
    """ρ, weight of the covariance contrast"""
    decay: float = 0.9
    """β of the running covariance, per gradient step"""

    def __post_init__(self) -> None:
        checked_decay(self.decay)

    def build(self, sizes: Sizes) -> TiCo:
        """Build the objective for rows of `sizes.latent` numbers."""
        return TiCo(sizes.latent, self.contrast, self.decay)
