"""How new a state is in its episode, by its distances to the nearest."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from agents.curiosity.moments import EmaMoments
from ssl_objectives.distributed import gathered_rows


@final
class Kernel(nn.Module):
    """`1 / s` with `s = √(Σ_k ε / (d_k + ε)) + c`, 0 where `s > s_max` (NGU).

    `d_k = max(d²_k / d²_m - ξ, 0)`, d²_k the squared distances to the nearest and d²_m
    what they are on average. Deviation: that is a debiased EMA over rollouts, which
    follows the embedding as it learns, and knows this rollout already.

    Args:
        epsilon: ε.
        cluster: ξ.
        constant: c.
        most_similar: s_max.

    Raises:
        ValueError: one of them is not above 0, or ξ below it.
    """

    def __init__(
        self, epsilon: float, cluster: float, constant: float, most_similar: float
    ) -> None:
        super().__init__()
        if not min(epsilon, constant, most_similar) > 0.0 or cluster < 0.0:
            raise ValueError(
                "epsilon, constant and most_similar must be above 0, and cluster at "
                f"least 0, not {epsilon}, {constant}, {most_similar}, {cluster}"
            )
        self.epsilon, self.cluster = epsilon, cluster
        self.constant, self.most_similar = constant, most_similar
        self.apart = EmaMoments(0.99)

    @torch.no_grad()
    def forward(
        self, squared: Float32[Tensor, "T B k"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Of every transition; distances that are infinite have no neighbour."""
        there = squared.isfinite() & valid.unsqueeze(-1)
        known = squared.masked_fill(~there, 0.0)
        self.apart.update(
            gathered_rows(known, 1).flatten(1), gathered_rows(there, 1).flatten(1)
        )
        apart = known / self.apart.mean.clamp(min=1e-8)
        apart = (apart - self.cluster).clamp(min=0.0)
        kernel = (self.epsilon / (apart + self.epsilon)).masked_fill(~there, 0.0)
        similar = kernel.sum(-1).sqrt() + self.constant
        return similar.reciprocal().masked_fill(similar > self.most_similar, 0.0)
