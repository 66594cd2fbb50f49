"""InfoNCE, SimCLR (NT-Xent), DCL: contrast of a positive with negatives by softmax."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from ssl_objectives.methods.contrast.both_ways import BothWays
from ssl_objectives.objective import (
    Loss,
    Needs,
    Objective,
    Sizes,
    TargetKind,
    Views,
)
from ssl_objectives.parts.candidates import (
    BothViews,
    Candidates,
    CandidateSource,
    OtherView,
)
from ssl_objectives.parts.critics import Bilinear, Cosine, Critic, checked_temperature
from ssl_objectives.parts.filters import CandidateFilter
from ssl_objectives.parts.losses import decoupled_softmax, softmax_over_candidates


class SoftmaxLoss(ABC):
    """A contrastive loss over the scores of all candidates."""

    @abstractmethod
    def __call__(
        self,
        logits: Float[Tensor, "*G N M"],
        candidates: Candidates,
        valid: Bool[Tensor, "*G N"] | None = None,
    ) -> Float[Tensor, "*G N"]:
        """One loss per row; `valid` says which rows count, where rows are compared."""


class Coupled(SoftmaxLoss):
    """InfoNCE: the positive competes in the denominator (arXiv 1807.03748)."""

    def __call__(
        self,
        logits: Float[Tensor, "*G N M"],
        candidates: Candidates,
        valid: Bool[Tensor, "*G N"] | None = None,
    ) -> Float[Tensor, "*G N"]:
        """See `softmax_over_candidates`."""
        return softmax_over_candidates(logits, candidates.positive, candidates.keep)


class Decoupled(SoftmaxLoss):
    """DCL: the positive is left out of the denominator (arXiv 2110.06848)."""

    def __call__(
        self,
        logits: Float[Tensor, "*G N M"],
        candidates: Candidates,
        valid: Bool[Tensor, "*G N"] | None = None,
    ) -> Float[Tensor, "*G N"]:
        """See `decoupled_softmax`."""
        return decoupled_softmax(logits, candidates.positive, candidates.keep)


class VonMisesWeighted(SoftmaxLoss):
    """DCLW: DCL whose hard positives weigh more (arXiv 2110.06848).

    `w_n = 2 - B softmax_n(cos_n / σ)`, over the B valid rows of a group, without
    gradient: 1 on average, less where the positive is already near. Deviation: the
    community code lets gradient through w.

    Args:
        share: τ / σ, since logits come divided by τ.
    """

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(
        self,
        logits: Float[Tensor, "*G N M"],
        candidates: Candidates,
        valid: Bool[Tensor, "*G N"] | None = None,
    ) -> Float[Tensor, "*G N"]:
        """See `decoupled_softmax`."""
        positive, keep = candidates.positive, candidates.keep
        near = logits.detach().masked_fill(~positive, -torch.inf).logsumexp(-1)
        near = self.share * near
        if valid is None:
            number: Tensor | int = near.shape[-1]
        else:
            # not -inf: a group without valid rows shall have weights all the same
            near = near.masked_fill(~valid, torch.finfo(near.dtype).min)
            number = valid.sum(-1, keepdim=True)
        return decoupled_softmax(logits, positive, keep, 2 - number * near.softmax(-1))


class Contrast(Objective):
    """The contrastive objective: for each pair of views, the target among candidates.

    Loss scale: the sum over pairs (both directions for two views, as SimCLR's official
    code has it), a mean over rows by whoever reduces. Rows that are not valid have loss
    0, no gradient, and are nobody's candidate.

    Args:
        critic: scores.
        source: candidates.
        loss: what becomes of the scores.
        filters: which candidates take part, one after another.
        needs: what the parts need, if more than two views.
    """

    def __init__(
        self,
        critic: Critic,
        source: CandidateSource,
        loss: SoftmaxLoss | None = None,
        filters: Sequence[CandidateFilter] = (),
        needs: Needs | None = None,
    ) -> None:
        super().__init__()
        self.critic, self.source = critic, source
        self.loss = loss or Coupled()
        self.filters = nn.ModuleList(filters)
        self.needs = needs or Needs()

    def forward(self, views: Views) -> Loss:
        """Sum over pairs; `contrast/accuracy` is how often the positive scores best."""
        if self.needs.target is not TargetKind.SHARED:
            stopped = (None if x is None else x.detach() for x in views.t)
            views = replace(views, t=tuple(stopped))
        losses, right = [], []
        for query, target in views.pairs:
            found = self.source(views, query, target)
            prediction = views.p[query]
            assert prediction is not None
            logits = self.critic(prediction, found.key)
            for choose in self.filters:
                found = choose(logits, found, views)
            losses.append(self.loss(logits, found, views.valid))
            with torch.no_grad():
                best = logits.masked_fill(~found.keep, -torch.inf).argmax(-1)
                right.append(found.positive.gather(-1, best[..., None])[..., 0])
        total = torch.stack(losses).sum(0)
        hit = torch.stack(right).float().mean(0)
        if views.valid is not None:
            total = total.masked_fill(~views.valid, 0.0)
            weight = views.valid.float()
            accuracy = (hit * weight).sum() / weight.sum().clamp(min=1)
        else:
            accuracy = hit.mean()
        return Loss(total, total.new_zeros(()), {"contrast/accuracy": accuracy})

    def observe(self, views: Views) -> None:
        """Let source and filters take in what was seen."""
        self.source.observe(views)
        for x in self.filters:
            cast(CandidateFilter, x).observe(views)

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Let source and filters sweep over the data; it is read once."""
        kept = list(rows)
        self.source.refresh(kept)
        for x in self.filters:
            cast(CandidateFilter, x).refresh(kept)


def sim_clr(temperature: float = 0.1) -> Contrast:
    """SimCLR, NT-Xent (arXiv 2002.05709): 2 N - 2 negatives from both views.

    `l_ij = -log e^{s_ij/τ} / Σ_{k≠i} e^{s_ik/τ}`, s the cosine; the sum of the two
    directions, as in the official code (lightly averages: half of it). The head is the
    method's: the official one ends with a batch norm, `Mlp` does if it is told to.
    """
    return Contrast(Cosine(temperature), BothViews())


def dcl(temperature: float = 0.1) -> Contrast:
    """DCL (arXiv 2110.06848): SimCLR with the positive out of the denominator."""
    return Contrast(Cosine(temperature), BothViews(), Decoupled())


def dclw(temperature: float = 0.1, sigma: float = 0.5) -> Contrast:
    """DCLW (arXiv 2110.06848): DCL with `w = 2 - B softmax(cos / σ)` on the positives.

    The sum of both directions. The community code that the authors point to has one,
    does not normalise its inputs and masks with log 1e-45; here it is as in the paper.
    """
    share = checked_temperature(temperature) / checked_temperature(sigma)
    return Contrast(Cosine(temperature), BothViews(), VonMisesWeighted(share))


def info_nce(critic: Critic | None = None) -> Contrast:
    """InfoNCE between predictions and targets (arXiv 1807.03748): N - 1 negatives.

    The critic defaults to the cosine at temperature 0.1; CPC's is `Bilinear`.
    """
    return Contrast(critic or Cosine(0.1), OtherView())


@dataclass(frozen=True)
class InfoNceConfig:
    """InfoNCE: tell what came from what came elsewhere or at other times."""

    temperature: float = 0.1
    """τ of the cosine"""
    both_ways: bool = False
    """what came looks for its prediction, too; for a world model, whose predictions
    alone would ask"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Objective:
        """Build the objective; it is the same for all sizes."""
        objective = info_nce(Cosine(self.temperature))
        return BothWays(objective) if self.both_ways else objective


@dataclass(frozen=True)
class CpcConfig:
    """CPC: InfoNCE by a bilinear critic, with a matrix for each step ahead."""

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective for `sizes.latent`, with `sizes.ahead` matrices."""
        return info_nce(Bilinear(sizes.latent, max(1, sizes.ahead)))


@dataclass(frozen=True)
class SimClrConfig:
    """SimCLR: find the other view of an image among all views of a batch."""

    temperature: float = 0.1
    """τ of the cosine"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective; it is the same for all sizes."""
        return sim_clr(self.temperature)


@dataclass(frozen=True)
class DclConfig:
    """DCL: SimCLR without the positive in the denominator; for small batches."""

    temperature: float = 0.1
    """τ of the cosine"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective; it is the same for all sizes."""
        return dcl(self.temperature)


@dataclass(frozen=True)
class DclwConfig:
    """DCLW: DCL whose hard positives weigh more."""

    temperature: float = 0.1
    """τ of the cosine"""
    sigma: float = 0.5
    """σ of the weights; large: all weigh alike"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        checked_temperature(self.sigma)

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective; it is the same for all sizes."""
        return dclw(self.temperature, self.sigma)
