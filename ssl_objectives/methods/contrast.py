"""Methods that tell a positive from other candidates by a softmax."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Views
from ssl_objectives.parts.candidates import (
    BothViews,
    Candidates,
    CandidateSource,
    OtherView,
)
from ssl_objectives.parts.cores import decoupled_softmax, softmax_over_candidates
from ssl_objectives.parts.critics import Cosine, Critic, checked_temperature


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
    """

    needs = Needs()

    def __init__(
        self, critic: Critic, source: CandidateSource, core: SoftmaxCore | None = None
    ) -> None:
        super().__init__()
        self.critic, self.source = critic, source
        self.core = core or Coupled()

    def forward(self, views: Views) -> Loss:
        """Sum over pairs; `contrast/accuracy` is how often the positive scores best."""
        losses, right = [], []
        for query, target in views.pairs:
            found = self.source(views, query, target)
            prediction = views.p[query]
            assert prediction is not None
            logits = self.critic(prediction, found.key)
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
        """Let the source take in what was seen."""
        self.source.observe(views)


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

    def build(self, latent_size: int) -> Contrast:
        """Build the objective; it is the same for all sizes."""
        return info_nce(Cosine(self.temperature))
