"""How often a key was seen in the episode before."""

from typing import final

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from agents.curiosity.episodic.row_by_row import RowByRow


@final
class EpisodicVisits(RowByRow):
    """`N_ep` of every row before it came: exact within the last so many rows.

    Args:
        num_envs: B, of this process.
        rows: of an episode that are remembered; of a longer one the newest.
    """

    def __init__(self, num_envs: int, rows: int) -> None:
        super().__init__()
        self.remember("keys", torch.zeros(num_envs, rows, dtype=torch.int64))
        self.remember("seen", torch.zeros(num_envs, dtype=torch.int64))
        self.rows = rows

    def _forget(self, where: Bool[Tensor, "B"]) -> None:
        self.own("seen").masked_fill_(where, 0)

    def _meet(
        self, row: Int64[Tensor, "B"], new: Bool[Tensor, "B"]
    ) -> Int64[Tensor, "B"]:
        keys, seen = self.own("keys"), self.own("seen")
        places = torch.arange(self.rows, device=row.device)
        filled = places < seen.unsqueeze(-1)
        told = row.unsqueeze(-1)
        before = ((keys == told) & filled).sum(-1)
        here = (places == (seen % self.rows).unsqueeze(-1)) & new.unsqueeze(-1)
        keys.copy_(torch.where(here, told, keys))
        seen += new
        return before
