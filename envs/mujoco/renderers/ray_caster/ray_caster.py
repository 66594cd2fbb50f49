"""The renderer that needs neither a window system nor a GPU."""

from dataclasses import fields
from typing import final

import mujoco
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from envs.mujoco.renderers.ray_caster.casting import Casting, Met
from envs.mujoco.renderers.ray_caster.lights import Lighting
from envs.mujoco.renderers.ray_caster.scene import Scene
from envs.mujoco.renderers.ray_caster.seen import Seen, seen
from envs.mujoco.renderers.ray_caster.shading import Shading
from envs.mujoco.renderers.ray_caster.sky import Sky
from envs.mujoco.renderers.ray_caster.tiles import SIDE, Tiles
from envs.mujoco.renderers.renderer import Lights, Picture, Poses, Renderer, View

PIXELS = 2**17
"""drawn at once: what is computed of them should fit into a CPU's caches"""
PIXELS_ELSEWHERE = 2**23
"""drawn at once by other devices, whose time goes into starting operations: 2,048
pictures of 64 x 64"""


@final
class RayCaster(Renderer):
    """Draws planes, boxes, spheres, ellipsoids, capsules and cylinders.

    Every pixel has one ray, through its middle. A picture is cut into tiles; a geom is
    met with the rays of those tiles that its box can be seen in. Colours follow from
    MuJoCo's lights by Lambert's law, without shadows, reflections and gloss. All of it
    is arithmetic of torch on whole batches, so that it runs wherever torch does; the
    host waits a few times per chunk for the number of pairs of a tile and a geom.

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
        self._casting = Casting(self._scene, self._tiles)
        lighting = Lighting(model, self.device)
        sky = Sky(model, self.device)
        self._shading = Shading(self._scene, lighting, sky, self._tiles)
        at_once = PIXELS if self.device.type == "cpu" else PIXELS_ELSEWHERE
        self._chunk = max(1, at_once // (SIDE**2 * self._tiles.num))

    def render(self, poses: Poses) -> Picture:
        """Colours, depth and who is seen where."""
        parts = [self._picture(x) for x in _chunks(poses, self._chunk)]
        return Picture(*(torch.cat(x) for x in zip(*parts, strict=True)))

    def frames(self, poses: Poses) -> UInt8[Tensor, "B 3 H W"]:
        """Colours alone."""
        parts = []
        for chunk in _chunks(poses, self._chunk):
            parts.append(self._shading.colours(chunk, *self._meet(chunk)))
        return torch.cat(parts)

    def _picture(self, poses: Poses) -> tuple[Tensor, Tensor, Tensor]:
        view, met = self._meet(poses)
        colours = self._shading.colours(poses, view, met)
        depth = self._tiles.picture(met.inverse.reciprocal())
        who = self._scene.number.index_select(0, (met.who + 1).flatten())
        return colours, depth, self._tiles.picture(who.view_as(met.who))

    def _meet(self, poses: Poses) -> tuple[Seen, Met]:
        scene = self._scene
        view = seen(poses, scene.geoms)
        return view, self._casting.meet(view, self._there(poses))

    def _there(self, poses: Poses) -> Bool[Tensor, "_ G"]:
        own = poses.geom_rgba
        if own is None:
            return self._scene.rgba[:, 3].unsqueeze(0) > 0
        return own[:, self._scene.geoms, 3] > 0


def _chunks(poses: Poses, size: int) -> list[Poses]:
    """The same worlds, at most `size` at once."""
    num = len(poses.camera_pos)
    return [_some(poses, slice(x, x + size)) for x in range(0, num, size)]


def _some(poses: Poses, worlds: slice) -> Poses:
    def part(x: Tensor | Lights | None) -> Tensor | Lights | None:
        if isinstance(x, Lights):
            return Lights(*(getattr(x, y.name)[worlds] for y in fields(x)))
        return x if x is None else x[worlds]

    return Poses(*(part(getattr(poses, x.name)) for x in fields(poses)))  # type: ignore[arg-type]  # each by its field
