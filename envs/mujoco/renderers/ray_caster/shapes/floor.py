"""Endless planes."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.intervals import ENDLESS, sheet
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


@final
class Floor(Shape):
    """A sheet without edges, seen from above; sizes say nothing."""

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Onto the sheet."""
        return sheet(tiles, rays)

    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Flat and very wide."""
        return size.new_tensor([ENDLESS, ENDLESS, 0.0]).expand_as(size)

    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Below it."""
        return place[..., 2] <= 0

    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Upwards."""
        up = torch.zeros_like(place)
        up[2] = 1
        return up
