"""The nearest of the states that the episode has seen."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from agents.curiosity.episodic.row_by_row import RowByRow


@final
class EpisodicNeighbours(RowByRow):
    """Squared distances to the k nearest embeddings of the episode, nearest first.

    Infinite where the episode has seen fewer.

    Args:
        num_envs: B, of this process.
        size: D, of an embedding.
        rows: of an episode that are remembered; of a longer one the newest.
        nearest: k.
    """

    def __init__(self, num_envs: int, size: int, rows: int, nearest: int) -> None:
        super().__init__()
        self.remember("states", torch.zeros(num_envs, rows, size))
        self.remember("seen", torch.zeros(num_envs, dtype=torch.int64))
        self.rows, self.nearest = rows, nearest

    def _forget(self, where: Bool[Tensor, "B"]) -> None:
        self.own("seen").masked_fill_(where, 0)

    def _meet(
        self, row: Float32[Tensor, "B D"], new: Bool[Tensor, "B"]
    ) -> Float32[Tensor, "B k"]:
        states, seen = self.own("states"), self.own("seen")
        places = torch.arange(self.rows, device=row.device)
        filled = places < seen.unsqueeze(-1)
        # differences, not the expanded square: near neighbours are what counts
        squared = (states - row.unsqueeze(1)).square().sum(-1)
        squared = squared.masked_fill(~filled, float("inf"))
        nearest = squared.topk(self.nearest, -1, largest=False).values
        place = (seen % self.rows).view(-1, 1, 1).expand(-1, 1, states.shape[-1])
        kept = torch.where(
            new.view(-1, 1, 1), row.unsqueeze(1), states.gather(1, place)
        )
        states.scatter_(1, place, kept)
        seen += new
        return nearest
