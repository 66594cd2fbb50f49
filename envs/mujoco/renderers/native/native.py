"""MuJoCo's own renderer behind the contract."""

import copy
from math import atan2, degrees, hypot
from typing import final

import mujoco
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from envs.mujoco.renderers.native.context import gl_context
from envs.mujoco.renderers.renderer import Picture, Poses, Renderer, View

_FLAGS = mujoco.mjtRndFlag


@final
class NativeRenderer(Renderer):
    """Draws with OpenGL, world by world: every shape, texture and sky that MuJoCo has.

    Shadows, reflections, gloss, haze and smoothed edges are turned off: they cost up
    to forty times the rest where there is no GPU, and other renderers here have none.
    What stays different: edges of meshes, sheets that show through from behind, and
    nothing nearer than MuJoCo's near plane.

    Args:
        model: the scene; a copy of it is drawn.
        view: what pictures take in.
        device: of poses and pictures; drawing itself is up to OpenGL.

    Raises:
        CannotDraw: this machine has no OpenGL without a window.
    """

    def __init__(
        self, model: mujoco.MjModel, view: View, device: torch.device | str = "cpu"
    ) -> None:
        self.view, self.device = view, torch.device(device)
        self._gl = gl_context(view.width, view.height)
        self._model = _plain(model, view)
        self._data = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, self._data)
        self._usual = _Usual(self._model, self._data)
        self._option = mujoco.MjvOption()
        for group in range(len(self._option.geomgroup)):
            self._option.geomgroup[group] = group in view.groups
        self._camera = mujoco.MjvCamera()
        self._scene = mujoco.MjvScene(self._model, maxgeom=self._model.ngeom + 8)
        for flag in (_FLAGS.mjRND_SHADOW, _FLAGS.mjRND_REFLECTION, _FLAGS.mjRND_HAZE):
            self._scene.flags[flag] = False
        self._area = mujoco.MjrRect(0, 0, view.width, view.height)
        self._gl.make_current()
        font = mujoco.mjtFontScale.mjFONTSCALE_150
        self._context = mujoco.MjrContext(self._model, font)
        self._open = True
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR

    def render(self, poses: Poses) -> Picture:
        """Colours, then depth and numbers in a second pass."""
        self._gl.make_current()
        worlds = _Worlds(poses, self._usual)
        height, width = self.view.height, self.view.width
        rgb = np.empty((worlds.num, height, width, 3), np.uint8)
        depth = np.empty((worlds.num, height, width), np.float32)
        who = np.empty((worlds.num, height, width), np.int32)
        for i in range(worlds.num):
            self._place(worlds, i)
            rgb[i] = self._pixels()
            self._numbered(True)
            who[i], depth[i] = self._who_and_depth()
            self._numbered(False)
        return Picture(self._frames(rgb), self._up(depth), self._up(who))

    def frames(self, poses: Poses) -> UInt8[Tensor, "B 3 H W"]:
        """Colours alone."""
        self._gl.make_current()
        worlds = _Worlds(poses, self._usual)
        shape = (worlds.num, self.view.height, self.view.width, 3)
        rgb = np.empty(shape, np.uint8)
        for i in range(worlds.num):
            self._place(worlds, i)
            rgb[i] = self._pixels()
        return self._frames(rgb)

    def close(self) -> None:
        """Give OpenGL's memory back, in the order that its drivers can bear."""
        if self._open:
            self._gl.make_current()
            self._context.free()
            self._gl.free()
        self._open = False

    def _place(self, worlds: "_Worlds", i: int) -> None:
        """Put one world into the scene."""
        model, data = self._model, self._data
        worlds.put(i, model, data)
        x, y, z = forward = worlds.forward[i]
        self._camera.lookat[:] = worlds.camera_pos[i] + forward
        self._camera.distance = 1.0
        self._camera.azimuth = degrees(atan2(y, x))
        self._camera.elevation = degrees(atan2(z, hypot(x, y)))
        # First the camera: endless planes are drawn around the place where it is.
        mujoco.mjv_updateCamera(model, data, self._camera, self._scene)
        every = mujoco.mjtCatBit
        mujoco.mjv_updateScene(
            model,
            data,
            self._option,
            None,
            self._camera,
            int(every.mjCAT_STATIC | every.mjCAT_DYNAMIC),
            self._scene,
        )
        for eye in self._scene.camera:
            eye.up[:] = worlds.up[i]  # free cameras do not roll

    def _pixels(self) -> np.ndarray:
        rgb = np.empty((self.view.height, self.view.width, 3), np.uint8)
        mujoco.mjr_render(self._area, self._scene, self._context)
        mujoco.mjr_readPixels(rgb, None, self._area, self._context)
        return rgb

    def _numbered(self, on: bool) -> None:
        """Whether colours are numbers of geoms."""
        self._scene.flags[_FLAGS.mjRND_SEGMENT] = on
        self._scene.flags[_FLAGS.mjRND_IDCOLOR] = on

    def _who_and_depth(self) -> tuple[np.ndarray, np.ndarray]:
        shape = (self.view.height, self.view.width)
        rgb, depth = np.empty((*shape, 3), np.uint8), np.empty(shape, np.float32)
        mujoco.mjr_render(self._area, self._scene, self._context)
        mujoco.mjr_readPixels(rgb, depth, self._area, self._context)
        number = np.full(self._scene.ngeom + 1, -1, np.int32)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.segid >= 0 and geom.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                number[geom.segid + 1] = geom.objid
        parts = rgb.astype(np.int32) @ np.array([1, 2**8, 2**16], np.int32)
        # The buffer holds near (far - depth) / depth / (far - near).
        extent = self._model.stat.extent
        near = self._model.vis.map.znear * extent
        far = self._model.vis.map.zfar * extent
        metres = far * near / (depth.astype(np.float64) * (far - near) + near)
        return number[parts], metres.astype(np.float32)

    def _frames(self, rgb: np.ndarray) -> Tensor:
        return self._up(rgb).permute(0, 3, 1, 2).contiguous()

    def _up(self, rows: np.ndarray) -> Tensor:
        """OpenGL counts rows from below."""
        return torch.from_numpy(np.ascontiguousarray(rows[:, ::-1])).to(self.device)


@final
class _Worlds:
    """Poses as MuJoCo's data take them, on the host.

    Args:
        poses: of B worlds.
        usual: what worlds have that are told neither colours nor lights.
    """

    def __init__(self, poses: Poses, usual: "_Usual") -> None:
        self.num = len(poses.camera_pos)
        axes = _host(poses.camera_mat)
        self.camera_pos = _host(poses.camera_pos)
        self.up, self.forward = axes[..., 1], -axes[..., 2]
        self._geom_pos = _host(poses.geom_pos)
        self._geom_mat = _host(poses.geom_mat.flatten(2))
        own, lights = poses.geom_rgba, poses.lights
        self._rgba = usual.rgba[None] if own is None else _host(own)
        self._lights = [x[None] for x in usual.lights]
        if lights is not None:
            told = (lights.position, lights.direction, lights.ambient, lights.diffuse)
            self._lights = [_host(x) for x in told]

    def put(self, i: int, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """One of them into what is drawn."""
        data.geom_xpos[:], data.geom_xmat[:] = self._geom_pos[i], self._geom_mat[i]
        model.geom_rgba[:] = self._rgba[i % len(self._rgba)]
        position, direction, ambient, diffuse = (x[i % len(x)] for x in self._lights)
        data.light_xpos[:], data.light_xdir[:] = position, direction
        model.light_ambient[:], model.light_diffuse[:] = ambient, diffuse


@final
class _Usual:
    """Colours and lights of the model in its reference pose, kept."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self.rgba = model.geom_rgba.copy()
        self.lights = [
            x.copy()
            for x in (
                data.light_xpos,
                data.light_xdir,
                model.light_ambient,
                model.light_diffuse,
            )
        ]


def _host(tensor: Tensor) -> np.ndarray:
    result: np.ndarray = tensor.double().cpu().numpy()
    return result


def _plain(model: mujoco.MjModel, view: View) -> mujoco.MjModel:
    """A copy, drawn with what other renderers have as well."""
    plain = copy.copy(model)
    plain.vis.quality.offsamples = 0
    plain.vis.global_.offheight, plain.vis.global_.offwidth = view.height, view.width
    plain.vis.global_.fovy = view.fovy
    plain.vis.headlight.specular[:] = 0
    plain.light_specular[:] = 0
    return plain
