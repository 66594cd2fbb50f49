"""Actions towards goals: what was done first, on the way to where one was later?"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ssl_objectives.parts.step_counter import StepCounter
from world_models.actions import ActionEmbedding
from world_models.belief import BeliefModel
from world_models.terms.action_head import ActionHead
from world_models.terms.term import Added, Term, Unrolled


@final
class GoalConditioned(Term):
    """`c · E loss(h(ω_t, ω_{t+k}), a_t)`, k drawn evenly from 1 … K for every row.

    Behaviour cloning with goals: every later row of an episode is a goal that its
    actions have reached (GCSL, arXiv 1912.06088). Of offline data it keeps in the
    latent which way things go, further than inverse dynamics (k = 1), and learns what
    those did who acted. Loss as in `InverseDynamics`. Goals behind the end of an
    episode, or of the window, do not count; those of a window of fewer than K steps
    are drawn from what it has. The head is not told k.

    Draws belong to gradient steps: `follow` goes on to the next ones.
    """

    def __init__(
        self,
        latent_size: int,
        embedding: ActionEmbedding,
        horizon: int = 8,
        coefficient: float = 1.0,
        hidden: int = 128,
    ) -> None:
        super().__init__()
        self.horizon, self.coefficient = horizon, coefficient
        self.head = ActionHead(2 * latent_size, embedding, hidden)
        self.counter = StepCounter()

    def forward(self, unrolled: Unrolled) -> Added:
        """Over the rows whose goal lies in their episode and has a latent."""
        latent = unrolled.latent
        if latent is None or len(latent) < 2:
            return Added()
        starts = len(latent) - 1
        valid, action = unrolled.valid[:starts], unrolled.action[:starts]
        begins = torch.cat([torch.zeros_like(valid[:1]), ~valid])
        episode = begins.cumsum(0)
        row = torch.arange(starts, device=latent.device).unsqueeze(1)
        at = row + self._drawn(valid)
        beyond, at = at > starts, at.clamp(max=starts)
        counts = ~beyond & (episode.gather(0, at) == episode[:-1])
        goal = latent.gather(0, at.unsqueeze(-1).expand(-1, -1, latent.shape[-1]))
        pairs = torch.cat([latent[:-1], goal], -1)
        each = self.head.costs(pairs.flatten(0, 1), action.flatten(0, 1))
        weight = counts.flatten().float()
        loss = (each * weight).sum() / weight.sum().clamp(min=1.0)
        return Added(self.coefficient * loss, metrics={"goal": loss.detach()})

    def _drawn(self, rows: Tensor) -> Tensor:
        """How far ahead the goal of each row lies; the same until `follow`."""
        most, device = min(self.horizon, len(rows)), rows.device
        generator = self.counter.generator(device)
        size = rows.shape
        return torch.randint(1, most + 1, size, generator=generator, device=device)

    def follow(self) -> None:
        """The next step draws other goals."""
        self.counter.advance()


@dataclass(frozen=True)
class GoalConfig:
    """Actions towards goals: tell from a latent and a later one what was done first."""

    horizon: int = 8
    """K, steps to the farthest goal"""
    coefficient: float = 1.0
    """weight beside the predictions' loss"""
    hidden: int = 128
    """units of the head's two hidden layers"""

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise ValueError(f"horizon must be at least 1, not {self.horizon}")

    def build(self, belief: BeliefModel, latent_size: int) -> GoalConditioned:
        """Build the term."""
        size, actions = belief.encoder.size, belief.embedding
        return GoalConditioned(
            size, actions, self.horizon, self.coefficient, self.hidden
        )
