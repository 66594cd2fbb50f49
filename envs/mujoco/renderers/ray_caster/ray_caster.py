"""The renderer that needs neither a window system nor a GPU."""

from dataclasses import replace
from typing import NamedTuple, final

import mujoco
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from envs.mujoco.renderers.ray_caster.bounds import Bounds
from envs.mujoco.renderers.ray_caster.layers import Layers
from envs.mujoco.renderers.ray_caster.lights import Lighting
from envs.mujoco.renderers.ray_caster.scene import Scene
from envs.mujoco.renderers.ray_caster.seen import Seen, seen
from envs.mujoco.renderers.ray_caster.tiles import Tiles
from envs.mujoco.renderers.renderer import Picture, Poses, Renderer, View

PIXELS = 2**16
"""drawn at once: what is computed of them should fit into a CPU's cache"""


class Met(NamedTuple):
    """What the rays of some worlds meet, in the order in which tiles were computed."""

    seen: Seen
    order: Int64[Tensor, "T"]  # of tiles
    inverse: Float32[Tensor, "8 8 T"]  # 1 / depth
    who: Int64[Tensor, "8 8 T"]  # index of the scene's geoms, -1 for sky


@final
class RayCaster(Renderer):
    """Draws planes, boxes, spheres, ellipsoids, capsules and cylinders.

    Every pixel has one ray, through its middle. A picture is cut into tiles; a geom is
    met with the rays of those tiles that its box can be seen in. Colours follow from
    MuJoCo's lights by Lambert's law, without shadows, reflections and gloss. All of it
    is arithmetic of torch on whole batches, so that it runs wherever torch does; the
    host waits a few times per call for the number of pairs of a tile and a geom.

    Deviations from MuJoCo's own pictures: light falls on pixels, not on the corners of
    a mesh; spheres are round; edges are not smoothed; nothing is too near to be drawn.

    Args:
        model: the scene.
        view: what pictures take in.
        device: of poses and pictures.

    Raises:
        CannotDraw: the model shows a geom of another shape, or has an image for a lamp.
    """

    def __init__(
        self, model: mujoco.MjModel, view: View, device: torch.device | str = "cpu"
    ) -> None:
        self.view, self.device = view, torch.device(device)
        self._scene = Scene(model, view.groups, self.device)
        self._tiles = Tiles(view, self.device)
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        self._lighting = Lighting(model, data, self.device)
        reach = [
            shape.reach(self._scene.size[first:last])
            for shape, first, last in self._scene.kinds
        ]
        none = torch.empty(0, 3, device=self.device)
        self._bounds = Bounds(self._tiles, torch.cat([*reach, none]))
        self._chunk = max(1, PIXELS // (64 * len(self._tiles.x)))

    def render(self, poses: Poses) -> Picture:
        """Colours, depth and who is seen where."""
        parts = [self._picture(chunk) for chunk in chunks(poses, self._chunk)]
        rgb, depth, who = (torch.cat(x) for x in zip(*parts, strict=True))
        return Picture(rgb, depth, who)

    def frames(self, poses: Poses) -> UInt8[Tensor, "B 3 H W"]:
        """Colours alone."""
        return torch.cat(
            [self._colour(x, self._meet(x)) for x in chunks(poses, self._chunk)]
        )

    def _picture(self, poses: Poses) -> tuple[Tensor, Tensor, Tensor]:
        met = self._meet(poses)
        number = torch.cat([self._scene.geoms, self._scene.geoms.new_tensor([-1])])
        depth = met.inverse.reciprocal()
        who = number.int()[met.who]
        return (
            self._colour(poses, met),
            self._whole(met, depth),
            self._whole(met, who),
        )

    def _meet(self, poses: Poses) -> Met:
        """Each pixel's nearest surface."""
        scene, tiles = self._scene, self._tiles
        view = seen(poses, scene.geoms)
        shown = torch.ones_like(view.origin[..., 0], dtype=torch.bool)
        if poses.geom_rgba is not None:
            shown = poses.geom_rgba[:, scene.geoms, 3] > 0
        else:
            shown = shown & (scene.rgba[:, 3] > 0)
        for shape, first, last in scene.kinds:
            inside = shape.holds(
                view.origin[:, first:last],
                scene.size[first:last].expand_as(view.origin[:, first:last]),
            )
            shown[:, first:last] &= ~inside
        touched = self._bounds.touched(view) & shown.unsqueeze(1)
        layers = Layers(touched.flatten(0, 1))
        entries = []
        for shape, first, last in scene.kinds:
            tile, geom = layers.pairs(first, last)
            rays = view.rays(tiles, tile, geom)
            entries.append(shape.entry(tiles, rays, scene.size[geom].t().contiguous()))
        nearest, who = layers.nearest(entries, 1 / scene.furthest)
        return Met(view, layers.order, nearest, who)

    def _colour(self, poses: Poses, met: Met) -> UInt8[Tensor, "B 3 H W"]:
        scene, tiles = self._scene, self._tiles
        num_worlds, num_geoms = met.seen.origin.shape[:2]
        world = met.order // len(tiles.x)
        place = met.order % len(tiles.x)
        row = (met.who.clamp_min(0) + world * num_geoms).flatten()
        pixels = met.who.shape

        def of(values: Tensor) -> Tensor:
            """[B, G, n] or [G, n] -> [n, 8, 8, T]."""
            if values.ndim == 2:
                values = values.expand(num_worlds, -1, -1)
            table = values.flatten(0, 1).t().contiguous()
            return table.index_select(1, row).view(-1, *pixels)

        depth = met.inverse.reciprocal()
        pixel = tiles.pixel
        flat = torch.zeros_like(tiles.x[place])
        x = tiles.linear(tiles.x[place], flat + pixel, flat) * depth
        y = tiles.linear(tiles.y[place], flat, flat - pixel) * depth
        axes = of(met.seen.axes.flatten(2)).view(3, 3, *pixels)
        local = axes[:, 0] * x
        local.addcmul_(axes[:, 1], y).addcmul_(axes[:, 2], depth, value=-1)
        local += of(met.seen.origin)
        size = of(scene.size)
        kind = of(scene.kind.unsqueeze(-1))[0]
        normal = torch.zeros_like(local)
        for i, (shape, _, _) in enumerate(scene.kinds):
            normal = torch.where(kind == i, shape.normal(local, size), normal)
        facing = axes[0] * normal[0]
        facing.addcmul_(axes[1], normal[1]).addcmul_(axes[2], normal[2])
        at = torch.stack([x, y, -depth])
        shine = self._lighting.shine(poses, world, at, facing)
        rgba = (
            scene.rgba if poses.geom_rgba is None else poses.geom_rgba[:, scene.geoms]
        )
        colour = of(rgba[..., :3])
        glow = of(scene.emission.unsqueeze(-1))[0]
        sky = met.who < 0
        planes = []
        for channel in range(3):
            value = (shine[channel] + glow).mul_(colour[channel]).clamp_(0, 1)
            value.masked_fill_(sky, 0)
            planes.append(self._whole(met, value.mul_(255).round_().byte()))
        return torch.stack(planes, 1)

    def _whole(self, met: Met, tiled: Tensor) -> Tensor:
        place = torch.empty_like(met.order)
        place[met.order] = torch.arange(len(place), device=place.device)
        return self._tiles.picture(tiled[..., place])


def chunks(poses: Poses, size: int) -> list[Poses]:
    """The same worlds, at most `size` at once."""
    lights = poses.lights
    result = []
    for begin in range(0, len(poses.camera_pos), size):
        part = slice(begin, begin + size)
        result.append(
            Poses(
                poses.geom_pos[part],
                poses.geom_mat[part],
                poses.camera_pos[part],
                poses.camera_mat[part],
                None if poses.geom_rgba is None else poses.geom_rgba[part],
                None
                if lights is None
                else replace(
                    lights,
                    position=lights.position[part],
                    direction=lights.direction[part],
                    ambient=lights.ambient[part],
                    diffuse=lights.diffuse[part],
                ),
            )
        )
    return result
