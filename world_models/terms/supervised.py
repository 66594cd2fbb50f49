"""Supervision by ground truth: the control that experiments compare with."""

from dataclasses import dataclass
from typing import final

from jaxtyping import Float32
from torch import Tensor, nn

from ssl_objectives.refusal import ConfigError
from world_models.belief import BeliefModel
from world_models.terms.term import Added, Term, Unrolled


@final
class Supervised(Term):
    """`c · E ‖W ω_t + b - ŷ_t‖² / F`: a linear reading of the latent gives a fact y.

    ŷ is the fact with mean 0 and variance 1 over the batch, in each of its F numbers.
    Facts are the truth beside the pixels, which agents are never shown: this is for
    controls, and refuses to learn where nobody says what is true.
    """

    def __init__(
        self, latent_size: int, fact: str, size: int, coefficient: float = 1.0
    ) -> None:
        super().__init__()
        self.fact, self.size, self.coefficient = fact, size, coefficient
        self.head = nn.Linear(latent_size, size)

    def forward(self, unrolled: Unrolled) -> Added:
        """Over all rows that have latents.

        Raises:
            ConfigError: there is no such fact, or it has another size.
        """
        latent = unrolled.latent
        if latent is None:
            return Added()
        wanted = self._told(unrolled)[: len(latent)].flatten(0, 1)
        spread = wanted.std(0, correction=0).clamp(min=1e-6)
        away = self.head(latent.flatten(0, 1)) - (wanted - wanted.mean(0)) / spread
        loss = away.square().mean()
        return Added(self.coefficient * loss, metrics={"supervised": loss.detach()})

    def _told(self, unrolled: Unrolled) -> Float32[Tensor, "R B F"]:
        if self.fact not in unrolled.facts:
            known = ", ".join(unrolled.facts) or "none"
            raise ConfigError(
                f"The model is to be taught the fact '{self.fact}', and here are "
                f"{known}. Facts are shown to world models that are trained apart "
                "(curious train-model), never to agents."
            )
        told = unrolled.facts[self.fact].float()
        told = told.reshape(*told.shape[:2], -1)  # a number per env has no further axis
        if told.shape[-1] != self.size:
            raise ConfigError(
                f"The fact '{self.fact}' has size {told.shape[-1]}, and the model is "
                f"to be taught one of size {self.size}."
            )
        return told


@dataclass(frozen=True)
class SupervisedConfig:
    """Teach the encoder a fact: the control of experiments, not for agents."""

    fact: str = "place"
    """its name, of those that the world or the data set has"""
    size: int = 2
    """numbers that it has"""
    coefficient: float = 1.0
    """weight beside the predictions' loss"""

    def build(self, belief: BeliefModel, latent_size: int) -> Supervised:
        """Build the term."""
        size = belief.encoder.size
        return Supervised(size, self.fact, self.size, self.coefficient)
