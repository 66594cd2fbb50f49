"""The contract of further terms of a world model's loss."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Float32, Shaped
from torch import Tensor, nn

from world_models.belief import BeliefModel
from world_models.predictor import Ahead


@dataclass(frozen=True)
class Unrolled:
    """What a model computed of T transitions on the way to its loss.

    Attributes:
        latent: of rows 0 … R-1, with gradient: R is T+1 for a model whose targets are
            its own latents, T for one with a target network. None when rewards are
            scored: terms that need it then add nothing.
        ahead: open-loop beliefs of all starts, and what they aim at.
        prediction: (projected) latents that are predicted.
        action: as they were taken.
        valid: False where a transition joins two episodes.
        usable: which predictions count.
        facts: ground truth of rows 0 … T, where the trajectory has any; agents never
            show theirs.
    """

    latent: Float32[Tensor, "R B D"] | None
    ahead: Ahead
    prediction: Float32[Tensor, "K T B P"]
    action: Shaped[Tensor, "T B ..."]
    valid: Bool[Tensor, "T B"]
    usable: Bool[Tensor, "K T B"]
    facts: Mapping[str, Shaped[Tensor, "..."]] = field(default_factory=dict)


@dataclass(frozen=True)
class Added:
    """What a term adds to a model's loss: see the fields of `ModelLoss`."""

    regularizer: Float[Tensor, ""] | float = 0.0
    terms: Mapping[str, Float32[Tensor, "K T B"]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, Float[Tensor, ""]] = field(default_factory=dict)


class Term(nn.Module, ABC):
    """Something a world model minimises, or measures, beside its predictions."""

    @abstractmethod
    def forward(self, unrolled: Unrolled) -> Added:
        """Compute it; writes no state.

        Twice the same gives the same twice: random numbers follow from a counter that
        `follow` advances.
        """

    def follow(self) -> None:
        """Follow a gradient step."""


@runtime_checkable
class TermConfig(Protocol):
    """Builds a term for a model."""

    def build(self, belief: BeliefModel, latent_size: int) -> Term:
        """Build it.

        Args:
            belief: what the model is built around.
            latent_size: P, of what is predicted: the belief's latent size D, or what a
                projector makes of it.
        """
