"""What surfaces look like where rays meet them."""

from typing import final

import torch
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8
from torch import Tensor

from envs.mujoco.renderers.ray_caster.casting import Met
from envs.mujoco.renderers.ray_caster.lights import Lighting
from envs.mujoco.renderers.ray_caster.scene import Scene
from envs.mujoco.renderers.ray_caster.seen import Seen
from envs.mujoco.renderers.ray_caster.sky import Sky
from envs.mujoco.renderers.ray_caster.textures import Spot
from envs.mujoco.renderers.ray_caster.tiles import Tiles
from envs.mujoco.renderers.renderer import Poses


@final
class Shading:
    """Colours of pixels: light upon surfaces, times what these are painted with.

    Args:
        scene: the geoms.
        lighting: its lights.
        sky: behind everything.
        tiles: of the view.
    """

    def __init__(
        self, scene: Scene, lighting: Lighting, sky: Sky, tiles: Tiles
    ) -> None:
        self._scene, self._lighting = scene, lighting
        self._sky, self._tiles = sky, tiles

    def colours(self, poses: Poses, seen: Seen, met: Met) -> UInt8[Tensor, "B 3 H W"]:
        """Of what was met, seen from the cameras of `poses`."""
        colour = torch.zeros(3, *met.who.shape, device=met.who.device)
        if len(self._scene.geoms):
            colour = self._surfaces(poses, seen, met)
        sky = met.who < 0
        colour.masked_fill_(sky, 0)
        if not self._sky.plain:
            self._draw_sky(colour.flatten(1), sky, poses)
        bytes_ = colour.clamp_(0, 1).mul_(255).round_().byte()
        return torch.stack([self._tiles.picture(x) for x in bytes_], 1)

    def _surfaces(
        self, poses: Poses, seen: Seen, met: Met
    ) -> Float32[Tensor, "3 8 8 B T"]:
        """Light upon surfaces times their paint; anything where there is sky."""
        scene, tiles = self._scene, self._tiles
        gather = _Gather(met)
        depth = met.inverse.reciprocal()
        x, y = tiles.ray_x * depth, tiles.ray_y * depth
        axes = gather(seen.axes.flatten(2)).unflatten(0, (3, 3))
        place = axes[:, 0] * x
        place.addcmul_(axes[:, 1], y).addcmul_(axes[:, 2], depth, value=-1)
        origin = gather(seen.origin)
        place += origin
        normal = _along(axes, self._normals(gather, place))
        shine = self._lighting.shine(poses, (x, y, -depth), normal)
        own = poses.geom_rgba
        paint = scene.rgba if own is None else own[:, scene.geoms]
        colour = gather(paint[..., :3] * scene.tint)
        if scene.glows:
            glow = gather(scene.emission.unsqueeze(-1))[0]
            shine = [x + glow for x in shine]
        for light, part in zip(shine, colour, strict=True):
            part.mul_(light).clamp_(0, 1)
        for geom, texture in scene.textures.items():
            some = (met.who.flatten() == geom).nonzero().squeeze(1)
            spot = self._spot(some, axes, place - origin, place, depth)
            colour.flatten(1)[:, some] *= texture.colours(spot)
        return colour

    def _spot(
        self,
        some: Int64[Tensor, "n"],
        axes: Float32[Tensor, "3 3 8 8 B T"],
        way: Float32[Tensor, "3 8 8 B T"],
        place: Float32[Tensor, "3 8 8 B T"],
        depth: Float32[Tensor, "8 8 B T"],
    ) -> Spot:
        """Where some pixels lie on their planes, and how far apart neighbours do.

        A ray that turns meets the plane z = 0 elsewhere: depth follows from z, and x
        and y from depth.
        """
        turned = axes.flatten(2)[..., some]
        way, far = way.flatten(1)[:, some], depth.flatten()[some]
        right, down = (
            self._tiles.pixel * far * (turned[:2, i] - way[:2] / way[2] * turned[2, i])
            for i in range(2)
        )
        return Spot(place.flatten(1)[:2, some], right, -down)

    def _draw_sky(
        self,
        colour: Float32[Tensor, "3 _"],
        sky: Bool[Tensor, "8 8 B T"],
        poses: Poses,
    ) -> None:
        tiles = self._tiles
        down, right, world, tile = sky.nonzero(as_tuple=True)
        x, y = tiles.ray_x[0, right, 0, tile], tiles.ray_y[down, 0, 0, tile]
        axes = poses.camera_mat[world]
        ray = axes[..., 0] * x.unsqueeze(1) + axes[..., 1] * y.unsqueeze(1)
        some = sky.flatten().nonzero().squeeze(1)
        colour[:, some] = self._sky.colours((ray - axes[..., 2]).t())

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
