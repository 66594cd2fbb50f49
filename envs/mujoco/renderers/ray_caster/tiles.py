"""A picture cut into squares of pixels, and functions of pixels on many squares."""

from math import ceil, radians, tan
from typing import NamedTuple, final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from envs.mujoco.renderers.renderer import View

SIDE = 8
"""rows and columns of a tile"""


class Rays(NamedTuple):
    """Rays through the pixels of n tiles, seen from n geoms: one pair, one geom.

    A ray is `origin + depth * direction`, depth in metres along the optical axis.
    Directions change evenly from pixel to pixel.
    """

    origin: Float32[Tensor, "3 n"]  # the camera
    direction: Float32[Tensor, "3 n"]  # of the ray through a tile's middle
    right: Float32[Tensor, "3 n"]  # change to the pixel on the right
    down: Float32[Tensor, "3 n"]  # change to the pixel below

    def scaled(self, by: Float32[Tensor, "_ n"]) -> "Rays":
        """Seen in other units, along each axis or along all: everything multiplied."""
        return Rays(*(by * x for x in self))

    def moved(self, along: Float32[Tensor, "n"]) -> "Rays":
        """Seen from a point that lies so far along the geom's z-axis."""
        x, y, z = self.origin
        return self._replace(origin=torch.stack([x, y, z - along]))


@final
class Tiles:
    """The tiles of a view, row by row, and what to compute on them.

    Pixels are the outer axes of all results and pairs the innermost one, so that
    numbers per pair are read in a row.

    Args:
        view: what is cut up; the last row and column of tiles may reach beyond it.
        device: of everything here.
    """

    def __init__(self, view: View, device: torch.device) -> None:
        self.rows, self.columns = ceil(view.height / SIDE), ceil(view.width / SIDE)
        self.height, self.width = view.height, view.width
        self.pixel = 2 * tan(radians(view.fovy) / 2) / view.height
        """a pixel's width where the depth is 1"""
        row = torch.arange(self.rows, device=device) + 0.5
        column = torch.arange(self.columns, device=device) + 0.5
        y = (view.height / 2 - SIDE * row) * self.pixel
        x = (SIDE * column - view.width / 2) * self.pixel
        self.num = self.rows * self.columns
        self.x = x.repeat(self.rows)
        """of the middle of each of the T tiles, where the depth is 1"""
        self.y = y.repeat_interleave(self.columns)
        offset = torch.arange(SIDE, device=device) - (SIDE - 1) / 2
        self._right = offset.view(1, SIDE, 1)
        self._down = offset.view(SIDE, 1, 1)
        self.ray_x = (self.x + self.pixel * self._right).unsqueeze(2)
        """[1, 8, 1, T], of each pixel's ray; its y is [8, 1, 1, T], its z is -1"""
        self.ray_y = (self.y - self.pixel * self._down).unsqueeze(2)

    def linear(
        self,
        middle: Float32[Tensor, "n"],
        right: Float32[Tensor, "n"],
        down: Float32[Tensor, "n"],
    ) -> Float32[Tensor, "8 8 n"]:
        """`middle + right u + down v`, u and v in pixels from a tile's middle."""
        return (middle + right * self._right) + down * self._down

    def quadratic(
        self,
        middle: Float32[Tensor, "n"],
        right: Float32[Tensor, "n"],
        down: Float32[Tensor, "n"],
        right2: Float32[Tensor, "n"],
        down2: Float32[Tensor, "n"],
        mixed: Float32[Tensor, "n"],
    ) -> Float32[Tensor, "8 8 n"]:
        """The same with `right2 u² + down2 v² + mixed u v` beside it."""
        u, v = self._right, self._down
        result = (middle + (right + right2 * u) * u) + (down + down2 * v) * v
        return result.addcmul_(mixed * u, v)

    def picture(self, tiled: Shaped[Tensor, "8 8 B T"]) -> Shaped[Tensor, "B H W"]:
        """All tiles of B worlds put together."""
        grid = tiled.view(SIDE, SIDE, -1, self.rows, self.columns)
        whole = grid.permute(2, 3, 0, 4, 1).reshape(
            -1, self.rows * SIDE, self.columns * SIDE
        )
        return whole[:, : self.height, : self.width]
