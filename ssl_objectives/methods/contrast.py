"""Methods that tell a positive from other candidates by a softmax."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, Views
from ssl_objectives.parts.candidates import (
    BothViews,
    Candidates,
    CandidateSource,
    OtherView,
)
from ssl_objectives.parts.cores import decoupled_softmax, softmax_over_candidates
from ssl_objectives.parts.critics import Cosine, Critic, checked_temperature
from ssl_objectives.parts.filters import CandidateFilter


class SoftmaxCore(ABC):
    """What is done with the scores of all candidates."""

    @abstractmethod
    def __call__(
        self, logits: Float[Tensor, "*G N M"], candidates: Candidates
    ) -> Float[Tensor, "*G N"]:
        """One loss per row."""


class Coupled(SoftmaxCore):
    """InfoNCE: the positive competes in the denominator (arXiv 1807.03748)."""

    def __call__(
        self, logits: Float[Tensor, "*G N M"], candidates: Candidates
    ) -> Float[Tensor, "*G N"]:
        """See `softmax_over_candidates`."""
        return softmax_over_candidates(logits, candidates.positive, candidates.keep)


class Decoupled(SoftmaxCore):
    """DCL: the positive is left out of the denominator (arXiv 2110.06848)."""

    def __call__(
        self, logits: Float[Tensor, "*G N M"], candidates: Candidates
    ) -> Float[Tensor, "*G N"]:
        """See `decoupled_softmax`."""
        return decoupled_softmax(logits, candidates.positive, candidates.keep)


class Contrast(Objective):
    """For each pair of views: find the target among candidates, by a softmax.

    Loss scale: the sum over pairs (both directions for two views, as SimCLR's official
    code has it), a mean over rows by whoever reduces. Rows that are not valid have loss
    0, no gradient, and are nobody's candidate.

    Args:
        critic: scores.
        source: candidates.
        core: what becomes of the scores.
        filters: which candidates take part, one after another.
        needs: what the parts need, if more than two views.
    """

    def __init__(
        self,
        critic: Critic,
        source: CandidateSource,
        core: SoftmaxCore | None = None,
        filters: Sequence[CandidateFilter] = (),
        needs: Needs | None = None,
    ) -> None:
        super().__init__()
        self.critic, self.source = critic, source
        self.core = core or Coupled()
        self.filters = nn.ModuleList(filters)
        self.needs = needs or Needs()

    def forward(self, views: Views) -> Loss:
        """Sum over pairs; `contrast/accuracy` is how often the positive scores best."""
        losses, right = [], []
        for query, target in views.pairs:
            found = self.source(views, query, target)
            prediction = views.p[query]
            assert prediction is not None
            logits = self.critic(prediction, found.key)
            for choose in self.filters:
                found = choose(logits, found, views)
            losses.append(self.core(logits, found))
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
            x.observe(views)  # type: ignore[operator]

    def refresh(
        self, rows: Iterable[tuple[Int64[Tensor, "_"], Float[Tensor, "_ D"]]]
    ) -> None:
        """Let filters sweep over the data."""
        for x in self.filters:
            x.refresh(rows)  # type: ignore[operator]


def sim_clr(temperature: float = 0.1) -> Contrast:
    """SimCLR, NT-Xent (arXiv 2002.05709): 2 N - 2 negatives from both views.

    `l_ij = -log e^{s_ij/τ} / Σ_{k≠i} e^{s_ik/τ}`, s the cosine; the sum of the two
    directions, as in the official code (lightly averages: half of it).
    """
    return Contrast(Cosine(temperature), BothViews())


def dcl(temperature: float = 0.1) -> Contrast:
    """DCL (arXiv 2110.06848): SimCLR with the positive out of the denominator."""
    return Contrast(Cosine(temperature), BothViews(), Decoupled())


def info_nce(critic: Critic | None = None) -> Contrast:
    """InfoNCE between predictions and targets (arXiv 1807.03748): N - 1 negatives.

    The critic defaults to the cosine at temperature 0.1. Deviation: CPC's critic is
    bilinear; here a predictor in front of the objective does its work.
    """
    return Contrast(critic or Cosine(0.1), OtherView())


@dataclass(frozen=True)
class InfoNceConfig:
    """InfoNCE: tell what came from what came elsewhere or at other times."""

    temperature: float = 0.1
    """τ of the cosine"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Contrast:
        """Build the objective; it is the same for all sizes."""
        return info_nce(Cosine(self.temperature))
