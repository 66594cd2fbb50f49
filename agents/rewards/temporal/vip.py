"""Value-implicit pre-training (VIP): distances that are values (arXiv 2210.00030)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor

from agents.rewards.temporal.temporal_loss import Embed, TemporalLoss, below
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class ValueImplicit(TemporalLoss):
    """`(1-γ) E[-V(o_0; g)] + log E exp(-(r + γ V(o'; g) - V(o; g)))`.

    `V(o; g) = -‖e(o) - e(g)‖` is to be the value of going to frame g, with a reward r
    of -1 at every step that is not there yet: o_0 … o, o' … g are frames of one
    demonstration in this order, o' the one behind o. As in the official code; its
    negatives from other videos, and its norms of the embedding, are left out.
    """

    discount: float = 0.98
    """γ, per frame"""

    def __post_init__(self) -> None:
        if not 0.0 < self.discount < 1.0:
            raise ConfigError(f"discount must be within 0 and 1, not {self.discount}.")

    def check(self, lengths: Sequence[int]) -> None:
        """Two frames are enough."""

    def __call__(
        self,
        embed: Embed,
        lengths: Int64[Tensor, "n"],
        batch: int,
        generator: Generator,
    ) -> Float[Tensor, ""]:
        """Of so many pieces of demonstrations."""
        demo, begin, now, goal = self.pieces(lengths, batch, generator)
        target = embed(demo, goal)

        def value(time: Int64[Tensor, "num"]) -> Float[Tensor, "num"]:
            apart = (embed(demo, time) - target).square().sum(-1)
            return -(apart + 1e-12).sqrt()  # a root has no slope at 0

        error = -1.0 + self.discount * value(now + 1) - value(now)
        soft = torch.logsumexp(-error, 0) - torch.tensor(float(batch)).log()
        return -(1 - self.discount) * value(begin).mean() + soft

    def pieces(
        self, lengths: Int64[Tensor, "n"], batch: int, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Demonstration, first frame, a frame on the way, and the goal, of each."""
        demo = below(lengths.new_full((batch,), len(lengths)), generator)
        length = lengths[demo]
        begin = below(length - 1, generator)
        goal = begin + 1 + below(length - 1 - begin, generator)
        now = begin + below(goal - begin, generator)
        return demo, begin, now, goal
