"""Frames as a table of cells in one picture, with names beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_LEAST = 56  # pixels of a cell's shorter side
_GAP, _FONT = 4, 13
_PAPER, _INK = 255, (60, 60, 60)


@dataclass(frozen=True)
class Layout:
    """A table of frames, all of one shape.

    Attributes:
        shape: (C, H, W) of a frame. One channel is gray, three are colours; others are
            shown below each other.
        rows: names at the left, which may be empty.
        columns: names at the top.
        apart: rows between which there is more room: so many belong together.
    """

    shape: tuple[int, int, int]
    rows: Sequence[str]
    columns: Sequence[str]
    apart: int = 1

    @property
    def cell(self) -> tuple[int, int]:
        """Height and width of a cell, in pixels: a whole multiple of the frame's."""
        height, width = pixels_of(np.zeros(self.shape, np.uint8)).shape[:2]
        return height * self.factor, width * self.factor

    @property
    def factor(self) -> int:
        """By how much frames are enlarged; their pixels stay sharp squares."""
        return max(1, -(-_LEAST // min(self.shape[1:])))

    @cached_property
    def _font(self) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        return ImageFont.load_default(_FONT)

    @cached_property
    def _margin(self) -> tuple[int, int]:
        """Above and at the left of the cells."""
        names = [self._font.getlength(x) for x in self.rows]
        return _FONT + 3 * _GAP, int(max(names, default=0.0)) + 3 * _GAP

    @cached_property
    def _pitch(self) -> int:
        """From one column to the next: cells, and names, must not meet."""
        names = [self._font.getlength(x) for x in self.columns]
        return _GAP + max(self.cell[1], int(max(names, default=0.0)) + _GAP)

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Where a cell begins: pixels from above and from the left."""
        (height, width), (above, left) = self.cell, self._margin
        blocks = row // self.apart if self.apart > 1 else 0
        down = above + row * (height + _GAP) + 3 * _GAP * blocks
        spare = (self._pitch - _GAP - width) // 2
        return down, left + column * self._pitch + spare

    def draw(
        self, cells: Sequence[Sequence[NDArray[np.uint8] | None]]
    ) -> UInt8[np.ndarray, "h w 3"]:
        """The picture.

        Args:
            cells: frames `[C, H, W]` by row and column; None leaves a cell empty.
        """
        height, width = self.cell
        below, right = self.corner(len(self.rows) - 1, len(self.columns) - 1)
        size = (below + height + _GAP, right + self._pitch + _GAP, 3)
        picture = np.full(size, _PAPER, np.uint8)
        for i, frames in enumerate(cells):
            for j, frame in enumerate(frames):
                if frame is not None:
                    down, along = self.corner(i, j)
                    pixels = pixels_of(frame)
                    large = pixels.repeat(self.factor, 0).repeat(self.factor, 1)
                    picture[down : down + height, along : along + width] = large
        return self._named(picture)

    def _named(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        image = Image.fromarray(picture)
        pen = ImageDraw.Draw(image)
        height, width = self.cell
        for i, name in enumerate(self.rows):
            down, along = self.corner(i, 0)
            place = (along - 2 * _GAP, down + height // 2)
            pen.text(place, name, _INK, self._font, anchor="rm")
        for j, name in enumerate(self.columns):
            down, along = self.corner(0, j)
            place = (along + width // 2, down - _GAP)
            pen.text(place, name, _INK, self._font, anchor="ms")
        return np.asarray(image)


def pixels_of(frame: UInt8[np.ndarray, "C H W"]) -> UInt8[np.ndarray, "h W 3"]:
    """A frame in red, green and blue."""
    if len(frame) == 3:
        return frame.transpose(1, 2, 0)
    gray = frame.reshape(-1, frame.shape[2])
    return np.repeat(gray[..., None], 3, 2)
