"""What the ray caster reads off a model, once: shapes, colours, how far one sees."""

from itertools import groupby
from typing import final

import mujoco
import numpy as np
import torch
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.box import Box
from envs.mujoco.renderers.ray_caster.shapes.capsule import Capsule
from envs.mujoco.renderers.ray_caster.shapes.cylinder import Cylinder
from envs.mujoco.renderers.ray_caster.shapes.ellipsoid import Ellipsoid
from envs.mujoco.renderers.ray_caster.shapes.floor import Floor
from envs.mujoco.renderers.ray_caster.shapes.plane import Plane
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.shapes.sphere import Sphere
from envs.mujoco.renderers.ray_caster.textures import plane_textures, tints
from envs.mujoco.renderers.renderer import CannotDraw

_KIND = mujoco.mjtGeom
SHAPES: dict[int, Shape] = {
    int(_KIND.mjGEOM_PLANE): Plane(),
    int(_KIND.mjGEOM_SPHERE): Sphere(),
    int(_KIND.mjGEOM_CAPSULE): Capsule(),
    int(_KIND.mjGEOM_ELLIPSOID): Ellipsoid(),
    int(_KIND.mjGEOM_CYLINDER): Cylinder(),
    int(_KIND.mjGEOM_BOX): Box(),
}
"""what can be drawn, by MuJoCo's number of its kind"""
FLOOR = Floor()
"""of planes without edges, which are drawn for less"""
_DEFAULT = np.array([0.5, 0.5, 0.5, 1], np.float32)


@final
class Scene:
    """The geoms of a model that are shown, those of one shape side by side.

    Args:
        model: the scene.
        groups: of geoms that are shown.
        device: of everything here.

    Attributes:
        geoms: the G shown ones by their numbers in the model.
        number: the same as int32, behind a -1 that stands for the sky.
        kinds: each shape that there is, and which of `geoms` have it.
        size: as the model has it, metres.
        rgba: of geom and material, as MuJoCo joins them.
        emission: share of its colour with which a geom glows.
        glows: whether any does.
        tint: mean colour of the texture of each that is no plane, 1 where it has none.
        textures: of planes, by their index in `geoms`.
        furthest: depth behind which there is only sky, metres.

    Raises:
        CannotDraw: a geom that is shown has another shape.
    """

    def __init__(
        self, model: mujoco.MjModel, groups: tuple[int, ...], device: torch.device
    ) -> None:
        shown = np.flatnonzero(np.isin(model.geom_group, groups)).tolist()
        known = [*SHAPES.values(), FLOOR]
        rank = {i: known.index(_shape(model, i)) for i in shown}
        order = np.array(sorted(shown, key=rank.__getitem__), np.int64)

        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        self.geoms = tensor(order)
        self.number = tensor(np.array([-1, *order], np.int32))
        self.kinds: list[tuple[Shape, slice]] = []
        begin = 0
        for kind, same in groupby(order.tolist(), rank.__getitem__):
            end = begin + len(list(same))
            self.kinds.append((known[kind], slice(begin, end)))
            begin = end
        self.size = tensor(model.geom_size[order].astype(np.float32))
        self.rgba = tensor(_colours(model)[order].astype(np.float32))
        material = model.geom_matid[order]
        glow = np.where(material >= 0, _of(model.mat_emission, material), 0)
        self.emission = tensor(glow.astype(np.float32))
        self.glows = bool(glow.any())
        numbers = order.tolist()
        self.tint = tensor(tints(model, numbers))
        self.textures = plane_textures(model, numbers, device)
        self.furthest = float(model.vis.map.zfar * model.stat.extent)


def _shape(model: mujoco.MjModel, geom: int) -> Shape:
    shape = SHAPES.get(int(model.geom_type[geom]))
    if shape is None:
        raise CannotDraw(_unknown(model, geom))
    endless = isinstance(shape, Plane) and not model.geom_size[geom, :2].any()
    return FLOOR if endless else shape


def _colours(model: mujoco.MjModel) -> np.ndarray:
    """A geom's own colour, or its material's where it has the one that MuJoCo gives."""
    own, material = model.geom_rgba, model.geom_matid
    plain = (own == _DEFAULT).all(1) & (material >= 0)
    return np.where(plain[:, None], _of(model.mat_rgba, material), own)


def _of(values: np.ndarray, material: np.ndarray) -> np.ndarray:
    """Of each geom's material; anything where it has none."""
    if not len(values):
        return np.zeros((len(material), *values.shape[1:]), np.float32)
    result: np.ndarray = values[material.clip(0)]
    return result


def _unknown(model: mujoco.MjModel, geom: int) -> str:
    kind = mujoco.mjtGeom(model.geom_type[geom]).name.removeprefix("mjGEOM_").lower()
    name = model.geom(geom).name or geom
    return (
        f"Geom {name} is a {kind}, which the ray caster cannot draw: use planes, "
        f"boxes, spheres, ellipsoids, capsules and cylinders, put it into a group that "
        f"is not shown, or use MuJoCo's own renderer."
    )
