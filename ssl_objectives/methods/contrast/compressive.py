"""C-SimCLR and C-BYOL: an information bottleneck on what only one view knows.

The conditional entropy bottleneck with von Mises-Fisher distributions on the sphere:
`e(z|x)` around the prediction of one view, `b(z|y)` around the other view's target.
"""

from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.methods.contrast.info_nce import sim_clr
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.critics import unit
from ssl_objectives.parts.losses import normalized_regression
from ssl_objectives.parts.noise import SphereNoise, checked_concentration


class CSimClr(Objective):
    """C-SimCLR (arXiv 2109.12909): SimCLR on noised anchors, and a bottleneck.

    `-log softmax_y' b(z|y') + β (log e(z|x) - log b(z|y))`, z drawn from e(·|x). Since
    concentrations are fixed, the second term, the residual information, is
    `κ_b (μ_x·z - μ_y·z)` up to constants and up to a scale of μ_x·z, which does not
    depend on any latent: what is left is alignment of z with μ_y. So this is SimCLR at
    `τ = 1/κ_b`, whose positive logit has the weight 1 + β; with β = 0 and κ_e = ∞ it is
    SimCLR. Sum of both directions, as in the official code, less the constants.

    Args:
        beta: β, weight of the bottleneck.
        concentration: κ_e of e; infinity draws nothing.
        backward: κ_b of b.
        seed: of the noise.
    """

    needs = Needs()

    def __init__(
        self,
        beta: float = 1.0,
        concentration: float = 1024.0,
        backward: float = 10.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.beta, self.backward = beta, checked_concentration(backward)
        self.noise = SphereNoise(concentration, seed=seed)
        self.contrast = sim_clr(1 / backward)

    def forward(self, views: Views) -> Loss:
        """Sum over pairs; `compressive/residual` is the residual information."""
        drawn = tuple(
            None if x is None else self.noise(x, views.row, v)
            for v, x in enumerate(views.p)
        )
        # what stands in for targets of the own view is not noised either
        keys = tuple(
            p if t is None else t for p, t in zip(views.p, views.t, strict=True)
        )
        loss: Loss = self.contrast(replace(views, p=drawn, t=keys))
        each = [
            _residual(drawn[i], views.p[i], views.t[j], self.backward)
            for i, j in views.pairs
        ]
        residual = torch.stack(each).sum(0)
        if views.valid is not None:
            residual = residual.masked_fill(~views.valid, 0.0)
        total = cast(Tensor, loss.per_sample) + self.beta * residual
        return Loss(total, loss.regularizer, _with_mean(loss, residual, views))

    def observe(self, views: Views) -> None:
        """Draw anew."""
        self.noise.advance()


class CByol(Objective):
    """C-BYOL (arXiv 2109.12909): BYOL through a noisy prediction, and a bottleneck.

    `w ‖ŷ/‖ŷ‖ - y/‖y‖‖² + β (log e(z|x) - log b(z|y))`: z is drawn around the
    prediction, ŷ = A z is linear, y is the target (no gradient), and b is centred at an
    MLP of `y/‖y‖`, trained here. The bottleneck is `κ_b (μ_x - μ_b)·z`, see `CSimClr`.
    Sum of both directions, as in the official code. Deviations: A begins as the
    identity, so that all begins as BYOL, which after 200 steps on planted clusters
    separated them where a random A did not yet; no batch norm in the MLP, in which rows
    would see each other.

    Args:
        size: D.
        weight: w.
        beta: β.
        concentration: κ_e of e; infinity draws nothing.
        backward: κ_b of b.
        hidden: ReLUs of the MLP.
        seed: of the noise.
    """

    needs = Needs(target=TargetKind.EMA)

    def __init__(
        self,
        size: int,
        weight: float = 5.0,
        beta: float = 1.0,
        concentration: float = 16384.0,
        backward: float = 10.0,
        hidden: int = 256,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.weight, self.beta = weight, beta
        self.backward = checked_concentration(backward)
        self.noise = SphereNoise(concentration, seed=seed)
        self.last = nn.Linear(size, size, bias=False)
        nn.init.eye_(self.last.weight)
        self.from_target = nn.Sequential(
            nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, size, bias=False)
        )

    def forward(self, views: Views) -> Loss:
        """Sum over pairs; `compressive/residual` is the residual information."""
        errors, residuals = [], []
        for i, j in views.pairs:
            mean, target = views.p[i], views.t[j]
            assert mean is not None
            assert target is not None
            drawn, y = self.noise(mean, views.row, i), unit(target.detach())
            errors.append(normalized_regression(self.last(drawn), y))
            center = self.from_target(y)
            residuals.append(_residual(drawn, mean, center, self.backward))
        error, residual = torch.stack(errors).sum(0), torch.stack(residuals).sum(0)
        if views.valid is not None:
            error = error.masked_fill(~views.valid, 0.0)
            residual = residual.masked_fill(~views.valid, 0.0)
        total = self.weight * error + self.beta * residual
        loss = Loss(total, total.new_zeros(()))
        return replace(loss, metrics=_with_mean(loss, residual, views))

    def observe(self, views: Views) -> None:
        """Draw anew."""
        self.noise.advance()


@dataclass(frozen=True)
class CSimClrConfig:
    """C-SimCLR: SimCLR with a bottleneck on what the other view does not know."""

    beta: float = 1.0
    """β, weight of the bottleneck"""
    concentration: float = 1024.0
    """κ_e of the noise on latents; inf: none"""
    backward: float = 10.0
    """κ_b; 1/κ_b is the temperature"""

    def __post_init__(self) -> None:
        checked_concentration(self.concentration)
        checked_concentration(self.backward)

    def build(self, sizes: Sizes) -> CSimClr:
        """Build the objective; it is the same for all sizes."""
        return CSimClr(self.beta, self.concentration, self.backward)


@dataclass(frozen=True)
class CByolConfig:
    """C-BYOL: BYOL with a bottleneck on what the other view does not know."""

    weight: float = 5.0
    """w of the squared error"""
    beta: float = 1.0
    """β, weight of the bottleneck"""
    concentration: float = 16384.0
    """κ_e of the noise on predictions; inf: none"""
    backward: float = 10.0
    """κ_b, how sure targets are of what is predicted"""
    hidden: int = 256
    """ReLUs between target and b"""

    def __post_init__(self) -> None:
        checked_concentration(self.concentration)
        checked_concentration(self.backward)

    def build(self, sizes: Sizes) -> CByol:
        """Build it for rows of `sizes.latent` numbers."""
        return CByol(
            sizes.latent,
            self.weight,
            self.beta,
            self.concentration,
            self.backward,
            self.hidden,
        )


def _residual(
    drawn: Tensor | None, mean: Tensor | None, center: Tensor | None, backward: float
) -> Tensor:
    """`κ_b (μ_e - μ_b)·z` per row; what z has of its own mean is a random constant."""
    assert drawn is not None
    assert mean is not None
    assert center is not None
    own = (unit(mean) * drawn).sum(-1).detach()
    return backward * (own - (unit(center) * drawn).sum(-1))


def _with_mean(
    loss: Loss, residual: Float[Tensor, "*G N"], views: Views
) -> dict[str, Tensor]:
    """The metrics, and the mean of the residual over valid rows and pairs."""
    count = residual.numel() if views.valid is None else views.valid.sum().clamp(min=1)
    mean = residual.detach().sum() / count / len(views.pairs)
    return {**loss.metrics, "compressive/residual": mean}
