"""The contract of shapes."""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.tiles import Rays, Tiles


class Shape(ABC):
    """A convex body around the origin of its geom; sizes are MuJoCo's of its kind.

    Bodies are seen from outside alone: who is in one sees through it, as in MuJoCo's
    own pictures.
    """

    @abstractmethod
    def entry(
        self, tiles: Tiles, rays: Rays, size: Float32[Tensor, "3 n"]
    ) -> Float32[Tensor, "8 8 n"]:
        """Inverse depth where rays enter from outside; 0 or less where they do not.

        Args:
            tiles: what pixels a tile has.
            rays: of n pairs of a tile and a geom of this kind, in the geom's frame.
            size: of these geoms.
        """

    @abstractmethod
    def reach(self, size: Float32[Tensor, "G 3"]) -> Float32[Tensor, "G 3"]:
        """Half the sides of the smallest box around each body, metres."""

    @abstractmethod
    def holds(
        self, place: Float32[Tensor, "*batch 3"], size: Float32[Tensor, "*batch 3"]
    ) -> Bool[Tensor, "*batch"]:
        """Whether nobody at this place sees the body, for being inside or behind."""

    @abstractmethod
    def normal(
        self, place: Float32[Tensor, "3 *batch"], size: Float32[Tensor, "3 *batch"]
    ) -> Float32[Tensor, "3 *batch"]:
        """Unit vectors out of the body where its surface is nearest to `place`."""
