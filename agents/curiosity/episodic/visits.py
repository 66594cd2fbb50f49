"""How often a key was seen in the episode before."""

from typing import final

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from agents.curiosity.episodic.recent_rows import RecentRows


@final
class EpisodicVisits(RecentRows):
    """`N_ep` of every row before it came: exact within the last so many rows.

    Args:
        num_envs: B, of this process.
        rows: of an episode that are remembered; of a longer one the newest.
    """

    def __init__(self, num_envs: int, rows: int) -> None:
        super().__init__(torch.zeros(num_envs, rows, dtype=torch.int64))

    def _compare(
        self,
        rows: Int64[Tensor, "B T"],
        sequence: Int64[Tensor, "B N"],
        visible: Bool[Tensor, "B T N"],
    ) -> Int64[Tensor, "B T"]:
        same = sequence.unsqueeze(1) == rows.unsqueeze(2)
        return (same & visible).sum(-1)
