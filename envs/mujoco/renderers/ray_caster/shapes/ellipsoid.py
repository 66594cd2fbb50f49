"""Ellipsoids: balls, in units of their radii."""

from typing import final

from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.intervals import ball
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.shapes.vectors import unit
from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


@final
class Ellipsoid(Shape):
    """Size: its three radii."""

    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Into the unit ball, in units of the radii."""
        return ball(tiles, rays.scaled(1 / size))

    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Its radii."""
        return size

    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Inside."""
        return (place / size).square().sum(-1) <= 1

    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Along the gradient of its equation."""
        return unit(place / size.square())
