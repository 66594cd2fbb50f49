"""What the ray caster reads off a model, once: shapes, colours, how far one sees."""

from typing import final

import mujoco
import numpy as np
import torch
from torch import Tensor

from envs.mujoco.renderers.ray_caster.shapes.box import Box
from envs.mujoco.renderers.ray_caster.shapes.capsule import Capsule
from envs.mujoco.renderers.ray_caster.shapes.cylinder import Cylinder
from envs.mujoco.renderers.ray_caster.shapes.ellipsoid import Ellipsoid
from envs.mujoco.renderers.ray_caster.shapes.plane import Plane
from envs.mujoco.renderers.ray_caster.shapes.shape import Shape
from envs.mujoco.renderers.ray_caster.shapes.sphere import Sphere
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
_DEFAULT = np.array([0.5, 0.5, 0.5, 1], np.float32)


@final
class Scene:
    """The geoms of a model that are shown, those of one shape side by side.

    Args:
        model: the scene.
        groups: of geoms that are shown.
        device: of everything here.

    Attributes:
        num_geoms: of the model, shown or not.
        geoms: the G shown ones by their numbers in the model.
        kinds: each shape that there is, with the first of `geoms` that has it and the
            one behind its last.
        kind: of each of `geoms`, an index of `kinds`.
        size: as the model has it, metres.
        rgba: of geom and material, as MuJoCo joins them.
        emission: share of its colour with which a geom glows.
        furthest: depth behind which there is only sky, metres.

    Raises:
        CannotDraw: a geom that is shown has another shape.
    """

    def __init__(
        self, model: mujoco.MjModel, groups: tuple[int, ...], device: torch.device
    ) -> None:
        shown = np.flatnonzero(np.isin(model.geom_group, groups))
        for i in shown.tolist():
            if int(model.geom_type[i]) not in SHAPES:
                raise CannotDraw(_unknown(model, i))
        order = shown[np.argsort(model.geom_type[shown], kind="stable")]
        types = model.geom_type[order]

        def tensor(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        self.num_geoms = int(model.ngeom)
        self.geoms = tensor(order.astype(np.int64))
        self.kinds: list[tuple[Shape, int, int]] = []
        for kind in np.unique(types).tolist():
            first, last = np.searchsorted(types, [kind, kind + 1]).tolist()
            self.kinds.append((SHAPES[kind], first, last))
        self.kind = tensor(np.unique(types, return_inverse=True)[1].astype(np.int64))
        self.size = tensor(model.geom_size[order].astype(np.float32))
        self.rgba = tensor(_colours(model)[order])
        material = model.geom_matid[order]
        glow = np.where(material >= 0, _of(model.mat_emission, material), 0)
        self.emission = tensor(glow.astype(np.float32))
        self.furthest = float(model.vis.map.zfar * model.stat.extent)


def _colours(model: mujoco.MjModel) -> np.ndarray:
    """A geom's own colour, or its material's where it has the one that MuJoCo gives."""
    own, material = model.geom_rgba, model.geom_matid
    plain = (own == _DEFAULT).all(1) & (material >= 0)
    return np.where(plain[:, None], _of(model.mat_rgba, material), own)


def _of(values: np.ndarray, material: np.ndarray) -> np.ndarray:
    """Of each geom's material; anything where it has none."""
    if not len(values):
        return np.zeros((len(material), *values.shape[1:]), np.float32)
    return values[material.clip(0)]


def _unknown(model: mujoco.MjModel, geom: int) -> str:
    kind = mujoco.mjtGeom(model.geom_type[geom]).name.removeprefix("mjGEOM_").lower()
    name = model.geom(geom).name or geom
    return (
        f"Geom {name} is a {kind}, which the ray caster cannot draw: make it of planes, "
        f"boxes, spheres, ellipsoids, capsules and cylinders, put it into a group that "
        f"is not shown, or use MuJoCo's own renderer."
    )
