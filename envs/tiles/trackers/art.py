"""The agent's view as a picture: five by five tiles."""

from typing import final

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from envs.tiles.tiles import Colour, mosaic, paint, resize
from envs.tiles.trackers.layout import COLUMNS, ROWS, Layout
from envs.tiles.trackers.view import SEEN, WIDTH, Window

_FLOOR = "fffff fffff ffFff fffff fffff"
_MOVER = "mffff fmffm ffmmf fmffm mffff"
_WALL = "wwwwv wwwwv wwwwv wwwwv vvvvv"
_THINGS = (
    "..... ..... ..... ..... .....",
    "..... .yyy. .yYy. .yyy. .....",
    "..... .gGg. .G.G. .gGg. .....",
    "bbbbb bBBBb bBbBb bBBBb bbbbb",
    ".aaa. aaaaa akaka aaaaa .a.a.",
)
_NOTHING, _NEW, _REACHED, _BLOCK, _AGENT = range(len(_THINGS))
_PALETTE: dict[str, Colour] = {
    "w": (112, 116, 128),
    "v": (84, 88, 100),
    "y": (250, 210, 60),  # a new tracker
    "Y": (255, 245, 180),
    "g": (96, 84, 40),  # one that was reached
    "G": (140, 124, 64),
    "b": (150, 96, 52),  # a block
    "B": (196, 136, 84),
    "a": (235, 80, 70),  # the agent
    "k": (20, 20, 20),
    "m": (245, 245, 245),  # a mover
}
_DIM, _BRIGHT = (28, 62), (52, 128)  # of a channel whose bit is 0, and 1
_MOVERS = 17  # grounds: 8 dim floors, 8 bright ones, a wall; then floors under movers


@final
class Pictures:
    """Views as pictures: the bits of a floor are its red, green and blue.

    Args:
        layout: of the maze.
        window: of the view.
        pixels: S, rows and columns of a picture, a multiple of 5.
        device: of the pictures.
    """

    def __init__(
        self, layout: Layout, window: Window, pixels: int, device: torch.device | str
    ) -> None:
        self._tiles = resize(_tiles(), pixels // WIDTH).to(device)
        ground, self._under = (x.to(device) for x in _ground(layout))
        place = torch.arange(ROWS * COLUMNS, device=device)
        around = window.cells(place).clamp(0, ROWS * COLUMNS - 1)
        # One more cell than there are takes whatever lies outside the view.
        self._still = torch.zeros(
            len(place), SEEN + 1, dtype=torch.int64, device=device
        )
        self._still[:, :SEEN] = ground[around]

    def draw(
        self,
        place: Int64[Tensor, "B"],
        trackers: Int64[Tensor, "B 4"],
        reached: Bool[Tensor, "B 4"],
        blocks: Int64[Tensor, "B 2"],
        movers: Int64[Tensor, "B M"],
        mover_cells: Int64[Tensor, "B M"],
    ) -> UInt8[Tensor, "B 3 S S"]:
        """See `Planes.draw`. The agent in the middle hides what it stands on."""
        ground = self._still.index_select(0, place)
        ground.scatter_(1, movers, self._under[mover_cells])
        thing = torch.zeros_like(ground)
        thing.scatter_(1, trackers, _NEW + reached.long())
        thing.scatter_(1, blocks, _BLOCK)
        thing[:, SEEN // 2] = _AGENT
        index = (ground * len(_THINGS) + thing)[:, :SEEN]
        return mosaic(self._tiles, index.unflatten(1, (WIDTH, WIDTH)))


@final
class Map:
    """All rooms as one picture; what the agent does not see is darker.

    Args:
        layout: of the maze.
        window: of the agent's view.
        device: of the pictures.

    Attributes:
        shape: (3, H, W) of a picture.
    """

    def __init__(
        self, layout: Layout, window: Window, device: torch.device | str
    ) -> None:
        self._tiles, self._window = _tiles().to(device), window
        self._pixels = self._tiles.shape[-1]
        self.shape = (3, ROWS * self._pixels, COLUMNS * self._pixels)
        self._ground, self._under = (x.to(device) for x in _ground(layout))

    def draw(
        self,
        place: Int64[Tensor, "B"],
        trackers: Int64[Tensor, "B 4"],
        reached: Bool[Tensor, "B 4"],
        blocks: Int64[Tensor, "B 2"],
        movers: Int64[Tensor, "B M"],
    ) -> UInt8[Tensor, "B 3 H W"]:
        """All places are cells of the map."""
        ground = self._ground.expand(len(place), -1).clone()
        ground.scatter_(1, movers, self._under[movers])
        thing = torch.zeros_like(ground)
        thing.scatter_(1, trackers, _NEW + reached.long())
        thing.scatter_(1, blocks, _BLOCK)
        thing.scatter_(1, place.unsqueeze(1), _AGENT)
        grid = (ground * len(_THINGS) + thing).unflatten(1, (ROWS, COLUMNS))
        picture = mosaic(self._tiles, grid)
        seen = torch.zeros_like(ground).scatter_(1, self._window.cells(place), 1)
        lit = seen.bool().unflatten(1, (1, ROWS, COLUMNS))
        lit = lit.repeat_interleave(self._pixels, 2)
        lit = lit.repeat_interleave(self._pixels, 3)
        return torch.where(lit, picture, picture // 2)


def _tiles() -> UInt8[Tensor, "num 3 5 5"]:
    """Every ground with nothing and with each thing on it."""
    return torch.stack(
        [paint(thing, _PALETTE, under) for under in _grounds() for thing in _THINGS]
    )


def _ground(layout: Layout) -> tuple[Int64[Tensor, "cells"], Int64[Tensor, "cells"]]:
    """What each cell shows, and what it shows while a mover is there."""
    bits = (layout.floor * torch.tensor([4, 2, 1])).sum(1)
    floor = bits + 8 * layout.bright
    under = _MOVERS + 7 - bits + 8 * layout.bright
    return torch.where(layout.wall, _MOVERS - 1, floor), under


def _grounds() -> list[UInt8[Tensor, "3 5 5"]]:
    """Floors by brightness and bits, a wall, and floors with something that moves."""
    levels = [(low, high) for low, high in (_DIM, _BRIGHT) for _ in range(8)]
    palettes = []
    for i, (low, high) in enumerate(levels):
        red, green, blue = (high if i & bit else low for bit in (4, 2, 1))
        light = (min(red + 8, 255), min(green + 8, 255), min(blue + 8, 255))
        palettes.append(_PALETTE | {"f": (red, green, blue), "F": light})
    floors = [paint(_FLOOR, palette) for palette in palettes]
    movers = [paint(_MOVER, palette) for palette in palettes]
    return [*floors, paint(_WALL, _PALETTE), *movers]
