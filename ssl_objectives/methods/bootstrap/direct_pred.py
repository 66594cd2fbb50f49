"""DirectPred and DirectCopy: BYOL whose linear predictor is computed, not trained."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.critics import at_least_float32


class PredictorRule(ABC):
    """How a linear predictor follows from the correlations of its inputs."""

    @abstractmethod
    def __call__(self, correlation: Float[Tensor, "D D"]) -> Float[Tensor, "D D"]:
        """W from the symmetric `F = E[f fᵀ]`; symmetric, with F's eigenvectors."""


class RootOfSpectrum(PredictorRule):
    """`W = U diag(max(√(s / max s) + ε, floor)) Uᵀ`, s and U of F.

    Args:
        eps: ε.
        floor: least eigenvalue of W.
    """

    def __init__(self, eps: float = 0.01, floor: float = 1e-4) -> None:
        self.eps, self.floor = eps, floor

    def __call__(self, correlation: Float[Tensor, "D D"]) -> Float[Tensor, "D D"]:
        """Decompose in float64; directions without any variance get max(ε, floor)."""
        values, vectors = torch.linalg.eigh(correlation.double())
        values = values.clamp(min=0)
        share = values / values[-1].clamp(min=torch.finfo(torch.float32).tiny)
        weight = (share.sqrt() + self.eps).clamp(min=self.floor)
        made: Tensor = vectors * weight @ vectors.T
        return made.to(correlation.dtype)


class CopyOfSpectrum(PredictorRule):
    """`W = F / max s + ε I`, s the eigenvalues of F.

    Deviation: the official code adds ε to F as it is, `W = F + ε I`. The loss does not
    notice the scale of W; as a share of the largest eigenvalue, ε means the same
    whatever the length of projections.

    Args:
        eps: ε.
    """

    def __init__(self, eps: float = 0.3) -> None:
        self.eps = eps

    def __call__(self, correlation: Float[Tensor, "D D"]) -> Float[Tensor, "D D"]:
        """Only the largest eigenvalue is needed."""
        f = correlation.double()
        largest = torch.linalg.eigvalsh(f)[-1]
        scaled: Tensor = f / largest.clamp(min=torch.finfo(torch.float32).tiny)
        eye = torch.eye(len(f), dtype=f.dtype, device=f.device)
        return (scaled + self.eps * eye).to(correlation.dtype)


class DirectPred(Objective):
    """`Σ_pairs 2 - 2 cos(W p_i, sg t_j)`, W set after each step (arXiv 2102.06810).

    `F ← ρ F + (1 - ρ) E[p pᵀ]` over all valid rows of all views, then W by a rule:
    DirectPred's (`RootOfSpectrum`) or DirectCopy's (`CopyOfSpectrum`). ρ is the weight
    of the *old* value; the first batch counts fully, as in the official code. W is a
    buffer: no optimiser and no weight decay touches it. Use it without a predictor in
    front; a world model's own predictions take the place of the projections.

    Loss scale as BYOL's, and the official code's but for the constant 2 of each pair.
    Deviations: W is the identity until the first step, where the official one is
    random; the target begins as a copy of the online network. The theory needs weight
    decay on the encoder.

    Args:
        size: D.
        rule: from F to W.
        rho: ρ.
    """

    needs = Needs(target=TargetKind.EMA)
    correlation: Tensor
    weight: Tensor
    seen: Tensor

    def __init__(
        self, size: int, rule: PredictorRule | None = None, rho: float = 0.3
    ) -> None:
        super().__init__()
        if not 0 <= rho < 1:
            raise ValueError(f"rho must be at least 0 and below 1, not {rho}")
        self.rule, self.rho = rule or RootOfSpectrum(), rho
        self.byol = Byol()
        self.register_buffer("correlation", torch.zeros(size, size))
        self.register_buffer("weight", torch.eye(size))
        self.register_buffer("seen", torch.zeros((), dtype=torch.bool))

    def predict(self, rows: Float[Tensor, "*G N D"]) -> Float[Tensor, "*G N D"]:
        """`W f` of each row."""
        x = at_least_float32(rows)
        return x @ self.weight.to(x.dtype).T

    def forward(self, views: Views) -> Loss:
        """BYOL's loss of the predictions; rows that are not valid are 0."""
        ahead = tuple(None if x is None else self.predict(x) for x in views.p)
        loss: Loss = self.byol(replace(views, p=ahead))
        return loss

    @torch.no_grad()
    def observe(self, views: Views) -> None:
        """Take the correlations in, and set W; without valid rows nothing changes."""
        rows = torch.cat(
            [at_least_float32(x).flatten(0, -2) for x in views.p if x is not None]
        )
        count = rows.new_full((), len(rows))
        if views.valid is not None:
            times = len(rows) // views.valid.numel()
            valid = views.valid.flatten().repeat(times)
            rows = rows.masked_fill(~valid.unsqueeze(-1), 0.0)
            count = valid.sum()
        now = (rows.T @ rows / count.clamp(min=1)).to(self.correlation.dtype)
        mixed = torch.where(self.seen, torch.lerp(now, self.correlation, self.rho), now)
        told = count > 0
        self.correlation.copy_(torch.where(told, mixed, self.correlation))
        self.seen.logical_or_(told)
        # without rounding errors F would be symmetric
        symmetric = (self.correlation + self.correlation.T) / 2
        self.weight.copy_(torch.where(self.seen, self.rule(symmetric), self.weight))


@dataclass(frozen=True)
class DirectPredConfig:
    """DirectPred: BYOL with a linear predictor from the spectrum of projections."""

    rho: float = 0.3
    """weight of the old correlations"""
    eps: float = 0.01
    """added to the predictor's eigenvalues, of which the largest is 1"""
    floor: float = 1e-4
    """least eigenvalue of the predictor"""

    def build(self, sizes: Sizes) -> DirectPred:
        """Build the objective."""
        return DirectPred(sizes.latent, RootOfSpectrum(self.eps, self.floor), self.rho)


@dataclass(frozen=True)
class DirectCopyConfig:
    """DirectCopy (arXiv 2110.04947): the predictor is the correlation matrix itself."""

    rho: float = 0.3
    """weight of the old correlations"""
    eps: float = 0.3
    """added to the predictor's eigenvalues, of which the largest is 1; our choice"""

    def build(self, sizes: Sizes) -> DirectPred:
        """Build the objective."""
        return DirectPred(sizes.latent, CopyOfSpectrum(self.eps), self.rho)
