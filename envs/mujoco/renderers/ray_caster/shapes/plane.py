"""Planes with edges: one side of a sheet between two slabs."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.floor import Floor
from envs.mujoco.renderers.ray_caster.shapes.intervals import (
    ENDLESS,
    Interval,
    sheet,
    slab,
)
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


@final
class Plane(Shape):
    """Size: half its sides along x and y, 0 where it is endless; seen from above."""

    def __init__(self) -> None:
        self._floor = Floor()

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Onto the sheet, between its edges."""
        met = sheet(tiles, rays)
        x, y = (slab(tiles, rays, axis, _half(size[axis])) for axis in range(2))
        return Interval(met, met).within(x).within(y).entry()

    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Flat, and very wide where it is endless."""
        half = _half(size)
        return torch.stack([half[:, 0], half[:, 1], 0 * half[:, 2]], -1)

    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Below it."""
        return self._floor.holds(place, size)

    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Upwards."""
        return self._floor.normal(place, size)


def _half(size: Tensor) -> Tensor:
    return torch.where(size > 0, size, ENDLESS)
