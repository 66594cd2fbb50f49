"""Capsules: a cylinder and the balls around the middles of its ends."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.intervals import ball, slab, tube
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.shapes.vectors import unit
from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


@final
class Capsule(Shape):
    """Size: radius, half of the cylinder's length, and a number that says nothing."""

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Into the first of the three; the cylinder's flat ends are in the balls."""
        around, along = tube(tiles, rays, size[0]), slab(tiles, rays, 2, size[1])
        scale = 1 / size[:1]
        upper, lower = (
            ball(tiles, rays.moved(end).scaled(scale)) for end in (size[1], -size[1])
        )
        middle = around.within(along).entry()
        return torch.maximum(middle, torch.maximum(upper, lower))

    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Along z the radius more than the cylinder's half."""
        radius, half = size[:, 0], size[:, 1]
        return torch.stack([radius, radius, half + radius], -1)

    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Inside."""
        radius, half = size[..., 0], size[..., 1]
        beyond = (place[..., 2].abs() - half).clamp_min(0)
        return place[..., :2].square().sum(-1) + beyond.square() <= radius.square()

    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Away from the nearest point of the axis."""
        x, y, z = place
        half = size[1]
        return unit(torch.stack([x, y, z - z.clamp(-half, half)]))
