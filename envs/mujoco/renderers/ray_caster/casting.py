"""What the rays of all pixels meet."""

from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.bounds import Bounds
from envs.mujoco.renderers.ray_caster.layers import Layers
from envs.mujoco.renderers.ray_caster.scene import Scene
from envs.mujoco.renderers.ray_caster.seen import Seen
from envs.mujoco.renderers.ray_caster.tiles import Tiles


class Met(NamedTuple):
    """The nearest surface of each pixel."""

    inverse: Float32[Tensor, "8 8 B T"]  # 1 / depth
    who: Int32[Tensor, "8 8 B T"]  # index of the scene's geoms, -1 for sky


@final
class Casting:
    """Meets the rays of each tile with the geoms that it may show.

    Args:
        scene: the geoms.
        tiles: of the view.
    """

    def __init__(self, scene: Scene, tiles: Tiles) -> None:
        self._scene, self._tiles = scene, tiles
        reach = torch.empty_like(scene.size)
        for shape, some in scene.kinds:
            reach[some] = shape.reach(scene.size[some])
        self._bounds = Bounds(tiles, reach)

    def meet(self, seen: Seen, there: Bool[Tensor, "#B G"]) -> Met:
        """Of B worlds.

        Args:
            seen: the scene's geoms from the cameras.
            there: which of them can be seen at all.
        """
        scene, tiles = self._scene, self._tiles
        touched = self._bounds.touched(seen)
        touched &= (there & ~self._within(seen)).unsqueeze(1)
        layers = Layers(touched.flatten(0, 1))
        entries = []
        for shape, some in scene.kinds:
            tile, geom = layers.pairs(some)
            size = scene.size[geom].t().contiguous()
            entries.append(shape.entry(tiles, seen.rays(tiles, tile, geom), size))
        nearest, who = layers.nearest(entries, 1 / scene.furthest)
        whole = (8, 8, len(seen.origin), tiles.num)
        return Met(nearest.view(whole), who.view(whole))

    def _within(self, seen: Seen) -> Bool[Tensor, "B G"]:
        """Which bodies the camera is in; it sees through them."""
        size = self._scene.size.expand(len(seen.origin), -1, -1)
        inside = torch.zeros_like(seen.origin[..., 0], dtype=torch.bool)
        for shape, some in self._scene.kinds:
            inside[:, some] = shape.holds(seen.origin[:, some], size[:, some])
        return inside
