"""Scenes of every shape, cameras in them, and what MuJoCo's own rays meet there."""

from typing import NamedTuple

import mujoco
import numpy as np
import torch
from torch import Tensor

from envs.mujoco.renderers.renderer import Poses, View

SHAPES = ("box", "sphere", "capsule", "cylinder", "ellipsoid", "plane")


class Placed(NamedTuple):
    """A model in its reference pose."""

    model: mujoco.MjModel
    data: mujoco.MjData


def placed(geoms: str, lights: str = "", rest: str = "") -> Placed:
    """A scene of these geoms."""
    model = mujoco.MjModel.from_xml_string(
        f"<mujoco>{rest}<worldbody><camera/>{lights}{geoms}</worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return Placed(model, data)


def crowded(seed: int, num: int = 20, shapes: tuple[str, ...] = SHAPES) -> Placed:
    """A floor, and bodies of all shapes and attitudes above it."""
    draw = np.random.default_rng(seed)
    geoms = ["<geom type='plane' size='0 0 .1' pos='0 0 -1.5' rgba='.4 .5 .4 1'/>"]
    for i in range(num - 1):
        size, rgb = draw.uniform(0.1, 0.4, 3), draw.uniform(0.1, 1, 3)
        pos, quat = draw.uniform(-2, 2, 3), draw.normal(size=4)
        pos[2] = abs(pos[2]) / 2 - 1
        geoms.append(
            f"<geom type='{shapes[i % len(shapes)]}' size='{_text(size)}' "
            f"pos='{_text(pos)}' quat='{_text(quat)}' rgba='{_text(rgb)} 1'/>"
        )
    light = "<light pos='.5 0 4' dir='0 .1 -1' type='directional' diffuse='.5 .6 .7'/>"
    return placed("".join(geoms), light)


def cameras(seed: int, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Places around the bodies, and orientations that look among them, rolled."""
    draw = np.random.default_rng(seed + 1000)
    at = draw.uniform(-1, 1, (num, 3)) * [1, 1, 0.4]
    angle = draw.uniform(0, 2 * np.pi, num)
    height = draw.uniform(-0.8, 1.5, num)
    eye = np.stack([3.2 * np.cos(angle), 3.2 * np.sin(angle), height], -1)
    return eye, np.stack([looking(a, b, draw) for a, b in zip(eye, at, strict=True)])


def looking(
    eye: np.ndarray, at: np.ndarray, draw: np.random.Generator | None = None
) -> np.ndarray:
    """A camera's axes; with `draw`, turned about the line of sight."""
    back = (eye - at) / np.linalg.norm(eye - at)
    right = np.cross([0.0, 0, 1], back)
    right /= np.linalg.norm(right)
    up = np.cross(back, right)
    roll = draw.uniform(-1, 1) if draw else 0.0
    turned = [
        np.cos(roll) * right + np.sin(roll) * up,
        np.cos(roll) * up - np.sin(roll) * right,
    ]
    return np.stack([*turned, back], -1)


def poses(scene: Placed, eyes: np.ndarray, axes: np.ndarray) -> Poses:
    """The scene as it is, from B cameras."""
    num = len(eyes)

    def tensor(values: np.ndarray) -> Tensor:
        return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32)

    data = scene.data
    return Poses(
        tensor(data.geom_xpos).expand(num, -1, -1),
        tensor(data.geom_xmat.reshape(-1, 3, 3)).expand(num, -1, -1, -1),
        tensor(eyes),
        tensor(axes),
    )


def alone(geom: str, view: View, distance: float = 3.0) -> tuple[Placed, Poses]:
    """One geom at the origin, from so far along the x-axis."""
    scene = placed(geom)
    eye = np.array([[distance, 0.0, 0.0]])
    return scene, poses(scene, eye, looking(eye[0], np.zeros(3))[None])


def pixels(view: View) -> tuple[np.ndarray, np.ndarray]:
    """x and y of each pixel's middle at depth 1."""
    size = 2 * np.tan(np.radians(view.fovy) / 2) / view.height
    column, row = np.meshgrid(np.arange(view.width), np.arange(view.height))
    x = (column + 0.5 - view.width / 2) * size
    return x, (view.height / 2 - row - 0.5) * size


def rays_of_mujoco(
    scene: Placed, eye: np.ndarray, axes: np.ndarray, view: View
) -> tuple[np.ndarray, np.ndarray]:
    """Depth and geom of each pixel by `mj_multiRay`, in double precision."""
    x, y = pixels(view)
    ray = np.stack([x, y, -np.ones_like(x)], -1).reshape(-1, 3) @ axes.T
    who, depth = np.zeros(len(ray), np.int32), np.zeros(len(ray))
    groups = np.array([i in view.groups for i in range(6)], np.uint8)
    mujoco.mj_multiRay(
        scene.model,
        scene.data,
        eye,
        np.ascontiguousarray(ray).ravel(),
        groups,
        1,
        -1,
        who,
        depth,
        None,
        len(ray),
        1e9,
    )
    shape = (view.height, view.width)
    return who.reshape(shape), depth.reshape(shape)


def _text(values: np.ndarray) -> str:
    return " ".join(map(str, values))
