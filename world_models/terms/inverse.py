"""Inverse dynamics: which action led from one latent to the next?"""

from dataclasses import dataclass
from typing import final

import torch

from world_models.actions import ActionEmbedding
from world_models.belief import BeliefModel
from world_models.terms.action_head import ActionHead
from world_models.terms.term import Added, Term, Unrolled


@final
class InverseDynamics(Term):
    """`c · E loss(h(ω_t, ω_{t+1}), a_t)`: keeps in the latent what actions change.

    Cross-entropy for discrete actions, squared error for continuous ones (which lie in
    [-1, 1]), over transitions inside an episode (ICM, arXiv 1705.05363). The head is an
    MLP: under a linear one, what is constant in an episode cancels in the difference
    of two latents and is not driven out.
    """

    def __init__(
        self,
        latent_size: int,
        embedding: ActionEmbedding,
        coefficient: float = 1.0,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.coefficient = coefficient
        self.head = ActionHead(2 * latent_size, embedding, hidden)

    def forward(self, unrolled: Unrolled) -> Added:
        """Over the transitions whose two latents are there."""
        latent = unrolled.latent
        if latent is None:
            return Added()
        pairs = torch.cat([latent[:-1], latent[1:]], -1)
        taken = unrolled.action[: len(pairs)].flatten(0, 1)
        weight = unrolled.valid[: len(pairs)].flatten().float()
        each = self.head.costs(pairs.flatten(0, 1), taken)
        loss = (each * weight).sum() / weight.sum().clamp(min=1.0)
        return Added(self.coefficient * loss, metrics={"inverse": loss.detach()})


@dataclass(frozen=True)
class InverseConfig:
    """Inverse dynamics: tell from two latents which action lay between them."""

    coefficient: float = 1.0
    """weight beside the predictions' loss"""
    hidden: int = 128
    """units of the head's two hidden layers"""

    def build(self, belief: BeliefModel, latent_size: int) -> InverseDynamics:
        """Build the term."""
        size = belief.encoder.size
        return InverseDynamics(size, belief.embedding, self.coefficient, self.hidden)
