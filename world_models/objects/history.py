"""What is known of each group: its objects now, and how they moved."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float32
from torch import Tensor

from world_models.objects.layout import Layout


@dataclass(frozen=True)
class GroupHistory:
    """Reads the last n rows of objects, which `HistoryCore` keeps, group by group.

    `(x_t, s Δx_t, …, s Δx_{t-n+2}, m)`: of each object its place, the n-1 displacements
    before, each counted where the object was seen all the while, and whether it was.

    Attributes:
        layout: of a row.
        num_rows: n.
        scale: s, displacements are multiplied with.
    """

    layout: Layout
    num_rows: int
    scale: float = 5.0

    @property
    def inputs(self) -> int:
        """Numbers that are read of a group."""
        return self.num_rows * self.layout.inputs

    def rows(
        self, belief: Float32[Tensor, "N S"]
    ) -> tuple[list[Float32[Tensor, "N D"]], list[Float32[Tensor, "N"]]]:
        """The rows in a belief, newest first, and which are of this episode."""
        n = self.num_rows
        rows = belief[:, :-n].view(len(belief), n, -1)
        return list(rows.unbind(1)), list(belief[:, -n:].unbind(-1))

    def read(
        self, rows: list[Float32[Tensor, "N D"]], kept: list[Float32[Tensor, "N"]]
    ) -> Float32[Tensor, "G N I"]:
        """What each group's network is told: places, displacements, masks."""
        seen = [self.layout.read(row) for row in rows]
        mask = seen[0].mask
        moved, masks = [], [mask]
        for (newer, older), same in zip(pairwise(seen), kept[1:], strict=True):
            mask = mask * older.mask * same[:, None, None]
            step = self.scale * (newer.place - older.place)
            moved.append(step * mask.unsqueeze(-1))
            masks.append(mask)
        parts = [x.flatten(2) for x in (seen[0].place, *moved, *masks)]
        return torch.cat(parts, -1).transpose(0, 1)
