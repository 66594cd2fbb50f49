"""Boxes: what three slabs have in common."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.intervals import slab
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


@final
class Box(Shape):
    """Size: half of each side."""

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Into all three slabs."""
        x, y, z = (slab(tiles, rays, axis, size[axis]) for axis in range(3))
        return x.within(y).within(z).entry()

    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Its size."""
        return size

    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Inside."""
        return (place.abs() <= size).all(-1)

    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Across the nearest face."""
        out = place.abs() - size
        face = (out >= out.amax(0)).float()
        # On an edge two faces are nearest.
        first = face[0]
        second = face[1] * (1 - first)
        third = 1 - first - second
        return torch.stack([first, second, third]) * place.sign()
