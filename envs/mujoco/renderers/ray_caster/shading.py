"""What surfaces look like where rays meet them."""

from typing import final

import torch
from jaxtyping import Float32, Shaped, UInt8
from torch import Tensor

from envs.mujoco.renderers.ray_caster.casting import Met
from envs.mujoco.renderers.ray_caster.lights import Lighting
from envs.mujoco.renderers.ray_caster.scene import Scene
from envs.mujoco.renderers.ray_caster.seen import Seen
from envs.mujoco.renderers.ray_caster.tiles import Tiles
from envs.mujoco.renderers.renderer import Poses


@final
class Shading:
    """Colours of pixels: light upon surfaces, times what these are painted with.

    Args:
        scene: the geoms.
        lighting: its lights.
        tiles: of the view.
    """

    def __init__(self, scene: Scene, lighting: Lighting, tiles: Tiles) -> None:
        self._scene, self._lighting, self._tiles = scene, lighting, tiles

    def colours(self, poses: Poses, seen: Seen, met: Met) -> UInt8[Tensor, "B 3 H W"]:
        """Of what was met, seen from the cameras of `poses`."""
        scene, tiles = self._scene, self._tiles
        if not len(scene.geoms):
            height, width = tiles.height, tiles.width
            black = torch.zeros(len(seen.origin), 3, height, width, dtype=torch.uint8)
            return black.to(met.who.device)
        sky = met.who < 0
        gather = _Gather(met)
        depth = met.inverse.reciprocal()
        x, y = tiles.ray_x * depth, tiles.ray_y * depth
        axes = gather(seen.axes.flatten(2)).unflatten(0, (3, 3))
        place = axes[:, 0] * x
        place.addcmul_(axes[:, 1], y).addcmul_(axes[:, 2], depth, value=-1)
        place += gather(seen.origin)
        normal = _along(axes, self._normals(gather, place))
        shine = self._lighting.shine(poses, (x, y, -depth), normal)
        own = poses.geom_rgba
        paint = scene.rgba if own is None else own[:, scene.geoms]
        colour = gather(paint[..., :3])
        if scene.glows:
            glow = gather(scene.emission.unsqueeze(-1))[0]
            shine = [x + glow for x in shine]
        planes = []
        for light, part in zip(shine, colour, strict=True):
            value = part.mul_(light).clamp_(0, 1).masked_fill_(sky, 0)
            planes.append(tiles.picture(value.mul_(255).round_().byte()))
        return torch.stack(planes, 1)

    def _normals(
        self, gather: "_Gather", place: Float32[Tensor, "3 8 8 B T"]
    ) -> Float32[Tensor, "3 8 8 B T"]:
        """In the geoms' frames."""
        scene = self._scene
        size = gather(scene.size)
        result = torch.zeros_like(place)
        for shape, some in scene.kinds:
            mine = (gather.who >= some.start) & (gather.who < some.stop)
            result = torch.where(mine, shape.normal(place, size), result)
        return result


@final
class _Gather:
    """Numbers of geoms, for the geom of each pixel; of any geom where there is sky."""

    def __init__(self, met: Met) -> None:
        self.who = met.who.clamp_min(0)
        self._num_worlds = met.who.shape[2]

    def __call__(self, values: Shaped[Tensor, "..."]) -> Shaped[Tensor, "n 8 8 B T"]:
        """From [G, n], or [B, G, n] where worlds differ."""
        row = self.who
        if values.ndim == 3:
            num, geoms = values.shape[:2]
            first = torch.arange(num, dtype=torch.int32, device=row.device) * geoms
            row = row + first.unsqueeze(-1)
            values = values.flatten(0, 1)
        table = values.t().contiguous()
        return table.index_select(1, row.flatten()).view(-1, *row.shape)


def _along(
    axes: Float32[Tensor, "3 3 8 8 B T"], vector: Float32[Tensor, "3 8 8 B T"]
) -> Float32[Tensor, "3 8 8 B T"]:
    """A vector of the geom's frame in the camera's."""
    x, y, z = vector
    result: Tensor = (axes[0] * x).addcmul_(axes[1], y).addcmul_(axes[2], z)
    return result
