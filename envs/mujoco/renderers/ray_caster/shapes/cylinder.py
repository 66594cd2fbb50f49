"""Cylinders: what a tube and a slab have in common."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.intervals import slab, tube
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


@final
class Cylinder(Shape):
    """Size: radius, half of the length along z, and a number that says nothing."""

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Into the tube, between the two ends."""
        around, along = tube(tiles, rays, size[0]), slab(tiles, rays, 2, size[1])
        return around.within(along).entry()

    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Radius, radius, half the length."""
        return size[:, [0, 0, 1]]

    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Inside."""
        around = place[..., :2].square().sum(-1) <= size[..., 0].square()
        return around & (place[..., 2].abs() <= size[..., 1])

    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Along the axis on an end, away from it elsewhere."""
        x, y, z = place
        radius, half, _ = size
        distance = (x * x).addcmul_(y, y).sqrt_()
        end = z.abs() - half > distance - radius
        away = (1 / distance.clamp_min(1e-9)).masked_fill_(end, 0)
        return torch.stack([x * away, y * away, z.sign() * end])
