"""MuJoCo Warp's batch renderer behind the contract."""

import copy
from importlib import import_module
from importlib.util import find_spec
from typing import Any, final

import mujoco
import torch
from jaxtyping import UInt8
from torch import Tensor

from envs.mujoco.renderers.renderer import CannotDraw, Picture, Poses, Renderer, View

NEEDED = ("mujoco_warp", "warp")
ABSENT = (
    "MuJoCo Warp is not installed: pip install 'curious-worlds[warp]', or use the ray "
    "caster, which needs nothing but torch."
)


def has_warp() -> bool:
    """Whether MuJoCo Warp is installed."""
    return all(find_spec(x) is not None for x in NEEDED)


@final
class WarpRenderer(Renderer):
    """Draws with kernels that Warp compiles for a GPU, or for a CPU.

    The first picture waits for compilers, a minute or two; what they made is kept in
    Warp's cache. Each number of worlds in a call has buffers of its own, of which the
    latest are kept. Without shadows and gloss, as the other renderers here.

    Args:
        model: the scene; it needs a camera, whose place and angle are not read.
        view: what pictures take in.
        device: of poses and pictures, and where kernels run.

    Raises:
        CannotDraw: MuJoCo Warp is not installed, or the model has no camera.
    """

    def __init__(
        self, model: mujoco.MjModel, view: View, device: torch.device | str = "cpu"
    ) -> None:
        if not has_warp():
            raise CannotDraw(ABSENT)
        if not model.ncam:
            raise CannotDraw(
                "MuJoCo Warp draws through a model's first camera, and this one has "
                "none: add <camera/> to its worldbody."
            )
        self._warp, self._mujoco = import_module("warp"), import_module("mujoco_warp")
        self.view, self.device = view, torch.device(device)
        self._model = _plain(model, view)
        self._far = float(model.vis.map.zfar * model.stat.extent)
        self._worlds: _Worlds | None = None

    def render(self, poses: Poses) -> Picture:
        """Colours, depth and numbers, in one pass."""
        with self._on_device():
            worlds = self._drawn(poses)
            rgb, depth, who = worlds.rgb(), worlds.depth(), worlds.who()
        sky = who < 0
        return Picture(rgb, depth.masked_fill(sky, self._far), who)

    def frames(self, poses: Poses) -> UInt8[Tensor, "B 3 H W"]:
        """Colours alone."""
        with self._on_device():
            return self._drawn(poses).rgb()

    def _drawn(self, poses: Poses) -> "_Worlds":
        num = len(poses.camera_pos)
        if self._worlds is None or self._worlds.num != num:
            self._worlds = _Worlds(
                self._warp, self._mujoco, self._model, self.view, num
            )
        self._worlds.draw(poses)
        return self._worlds

    def _on_device(self) -> Any:
        return self._warp.ScopedDevice(str(self.device))


@final
class _Worlds:
    """Warp's model, data and buffers for one number of worlds."""

    def __init__(
        self, warp: Any, simulator: Any, model: mujoco.MjModel, view: View, num: int
    ) -> None:
        self.num, self._view = num, view
        self._warp, self._simulator = warp, simulator
        self._model = simulator.put_model(model)
        self._data = simulator.make_data(model, nworld=num)
        self._painted = self._model.geom_rgba
        self._lit = (self._model.light_ambient, self._model.light_diffuse)
        reference = mujoco.MjData(model)
        mujoco.mj_forward(model, reference)
        self._lights = [
            torch.from_numpy(x).float()
            for x in (reference.light_xpos, reference.light_xdir)
        ]
        self._context = simulator.create_render_context(
            model,
            nworld=num,
            cam_res=(view.width, view.height),
            render_rgb=True,
            render_depth=True,
            render_seg=True,
            enabled_geom_groups=list(view.groups),
            cam_active=[0],
            enable_specular=False,
        )

    def draw(self, poses: Poses) -> None:
        """Into the context's buffers."""
        warp, model, data = self._warp, self._model, self._data

        def put(target: Any, values: Tensor) -> None:
            kept = warp.to_torch(target)
            kept.copy_(values.expand(kept.shape))

        put(data.geom_xpos, poses.geom_pos)
        put(data.geom_xmat, poses.geom_mat)
        put(data.cam_xpos, poses.camera_pos.unsqueeze(1))
        put(data.cam_xmat, poses.camera_mat.unsqueeze(1))
        model.geom_rgba = self._painted
        if poses.geom_rgba is not None:
            rgba = poses.geom_rgba.contiguous()
            model.geom_rgba = warp.from_torch(rgba, dtype=warp.vec4)
        lights = poses.lights
        model.light_ambient, model.light_diffuse = self._lit
        if lights is None:
            put(data.light_xpos, self._lights[0])
            put(data.light_xdir, self._lights[1])
        else:
            put(data.light_xpos, lights.position)
            put(data.light_xdir, lights.direction)
            model.light_ambient, model.light_diffuse = (
                warp.from_torch(x.contiguous(), dtype=warp.vec3)
                for x in (lights.ambient, lights.diffuse)
            )
        self._simulator.refit_bvh(model, data, self._context)
        self._simulator.render(model, data, self._context)

    def rgb(self) -> UInt8[Tensor, "B 3 H W"]:
        """Colours, as they are packed: blue, green and red from the lowest byte on."""
        words = self._warp.to_torch(self._context.rgb_data).view(torch.uint8)
        view = self._view
        parts = words.view(self.num, view.height, view.width, 4)
        frames: Tensor = parts[..., [2, 1, 0]].permute(0, 3, 1, 2).contiguous()
        return frames

    def depth(self) -> Tensor:
        """Metres."""
        view = self._view
        kept: Tensor = self._warp.to_torch(self._context.depth_data)
        return kept.view(self.num, view.height, view.width).clone()

    def who(self) -> Tensor:
        """Numbers of geoms, -1 for sky."""
        view = self._view
        kept: Tensor = self._warp.to_torch(self._context.seg_data)
        return kept.view(self.num, view.height, view.width, 2)[..., 0].clone()


def _plain(model: mujoco.MjModel, view: View) -> mujoco.MjModel:
    """A copy whose first camera takes in the view."""
    plain = copy.copy(model)
    plain.cam_fovy[0] = view.fovy
    plain.cam_sensorsize[0] = 0
    plain.cam_projection[0] = mujoco.mjtProjection.mjPROJ_PERSPECTIVE
    return plain
