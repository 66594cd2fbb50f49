"""What the agent sees around it: where things lie in its view, and the planes of it."""

from typing import final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.tiles.trackers.layout import COLUMNS, REACH, ROWS, Layout

WIDTH = 2 * REACH + 1
SEEN = WIDTH * WIDTH
"""cells of a view"""
PLANES = ("floor-0", "floor-1", "floor-2", "wall", "new", "reached", "block", "mover")
"""what is told of each cell"""
_WALL, _NEW, _REACHED, _BLOCK, _MOVER = range(3, len(PLANES))
STRONG = 2.0
"""of movers, and of the floors of bright rooms"""


@final
class Window:
    """Cells of the map as cells of a view, which are `(dy + 2) * 5 + dx + 2`.

    Args:
        device: of the cells.
    """

    def __init__(self, device: torch.device | str) -> None:
        # The difference of two cells tells dy and dx wherever a view can reach: the
        # map is wider than two things in rooms are apart, and the view on top of it.
        num = ROWS * COLUMNS
        slot = torch.full((2 * num,), SEEN)
        reach = torch.arange(-REACH, REACH + 1)
        self._around = (reach.unsqueeze(1) * COLUMNS + reach).flatten()
        slot[num + self._around] = torch.arange(SEEN)
        self._around, self._slot = self._around.to(device), slot.to(device)

    def slots(
        self, place: Int64[Tensor, "B"], cells: Int64[Tensor, "B K"]
    ) -> Int64[Tensor, "B K"]:
        """Where cells are in the views from places; `SEEN` for those that are not."""
        return self._slot[cells - place.unsqueeze(1) + ROWS * COLUMNS]

    def cells(self, place: Int64[Tensor, "N"]) -> Int64[Tensor, "N 25"]:
        """The cells in view; meant for places in rooms and doors."""
        return place.unsqueeze(1) + self._around


@final
class Planes:
    """Views as vectors: 8 numbers per cell of the view, from left to right, row by row.

    They are `PLANES`: three bits of the floor (0 or 1, in bright rooms 0 or 2), a wall,
    a tracker that is new, one that was reached, a block, a mover (0 or 2). Where a
    mover is, the bits of the floor are turned round.

    Args:
        layout: of the maze.
        window: of the view.
        device: where all of it lies.
    """

    size = SEEN * len(PLANES)

    def __init__(
        self, layout: Layout, window: Window, device: torch.device | str
    ) -> None:
        gain = torch.where(layout.bright, STRONG, 1.0).unsqueeze(1)
        wall = layout.wall.unsqueeze(1)
        ground = torch.cat([layout.floor * gain, wall], 1).to(device)
        self._under = (gain * (1 - layout.floor.float())).to(device)  # of movers
        place = torch.arange(ROWS * COLUMNS, device=device)
        # Nobody stands where a view would leave the map.
        around = window.cells(place).clamp(0, ROWS * COLUMNS - 1)
        # One more cell than there are takes whatever lies outside the view.
        still = torch.zeros(len(place), SEEN + 1, len(PLANES), device=device)
        still[:, :SEEN, : _WALL + 1] = ground[around]
        self._still = still.flatten(1)
        self._floors = torch.arange(3, device=device)

    def draw(
        self,
        place: Int64[Tensor, "B"],
        trackers: Int64[Tensor, "B 4"],
        reached: Bool[Tensor, "B 4"],
        blocks: Int64[Tensor, "B 2"],
        movers: Int64[Tensor, "B M"],
        mover_cells: Int64[Tensor, "B M"],
    ) -> Float32[Tensor, "B V"]:
        """Views from places.

        Args:
            place: cells on which agents stand.
            trackers: where they are in the views, see `Window.slots`.
            reached: which of them were.
            blocks: where they are in the views.
            movers: where they are in the views.
            mover_cells: where they are on the map.
        """
        view = self._still.index_select(0, place)
        num = len(PLANES)
        marks = torch.cat(
            [num * trackers + _NEW + reached.long(), num * blocks + _BLOCK], 1
        )
        # Two writers of one number write the same, but where nobody looks.
        view.scatter_(1, marks, 1.0)
        if movers.shape[1]:
            view.scatter_(1, num * movers + _MOVER, STRONG)
            floors = (num * movers).unsqueeze(2) + self._floors
            under = self._under[mover_cells]
            view.scatter_(1, floors.flatten(1), under.flatten(1))
        return view[:, : self.size]
