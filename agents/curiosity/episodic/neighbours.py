"""The nearest of the states that the episode has seen."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from agents.curiosity.episodic.recent_rows import RecentRows


@final
class EpisodicNeighbours(RecentRows):
    """Squared distances to the k nearest embeddings of the episode, nearest first.

    Infinite where the episode has seen fewer.

    Args:
        num_envs: B, of this process.
        size: D, of an embedding.
        rows: of an episode that are remembered; of a longer one the newest.
        nearest: k.
    """

    def __init__(self, num_envs: int, size: int, rows: int, nearest: int) -> None:
        super().__init__(torch.zeros(num_envs, rows, size))
        self.nearest = nearest

    def _compare(
        self,
        rows: Float32[Tensor, "B T D"],
        sequence: Float32[Tensor, "B N D"],
        visible: Bool[Tensor, "B T N"],
    ) -> Float32[Tensor, "B T k"]:
        # by differences: expanded squares lose the small distances, which count
        apart = torch.cdist(rows, sequence, compute_mode="donot_use_mm_for_euclid_dist")
        apart = apart.masked_fill_(~visible, float("inf"))
        return apart.topk(self.nearest, -1, largest=False).values.square()
