"""Spheres: ellipsoids of which MuJoCo tells one radius."""

from typing import final

from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.intervals import ball
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.shapes.vectors import unit
from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


@final
class Sphere(Shape):
    """Size: its radius, and two numbers that say nothing."""

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Into the unit ball, in units of the radius."""
        return ball(tiles, rays.scaled(1 / size[:1]))

    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Its radius, three times."""
        return size[:, :1].expand(-1, 3)

    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Inside."""
        return place.square().sum(-1) <= size[..., 0].square()

    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Away from its middle."""
        return unit(place)
