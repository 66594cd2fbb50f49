"""Planes: one side of a sheet, endless or with four edges."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

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

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 P"]
    ) -> Float32[Tensor, "8 8 P"]:
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
        return place[..., 2] <= 0

    def normal(
        self, place: Float32[Tensor, "3 *pixels"], size: Float32[Tensor, "3 *pixels"]
    ) -> Float32[Tensor, "3 *pixels"]:
        """Upwards."""
        up = torch.ones_like(place[2])
        return torch.stack([0 * up, 0 * up, up])


def _half(size: Tensor) -> Tensor:
    return torch.where(size > 0, size, ENDLESS)
