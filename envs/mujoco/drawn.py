"""What is to be drawn of a stage, and the world that comes of it."""

from dataclasses import dataclass
from typing import Any

import mujoco
import torch

from envs.mujoco.choose import choose_physics
from envs.mujoco.pictures import Camera, Pictures
from envs.mujoco.renderers.backend import Backend
from envs.mujoco.renderers.choose import choose_renderer
from envs.mujoco.renderers.renderer import View
from envs.mujoco.stage import Stage
from envs.mujoco.world import MujocoWorld

ABOVE = 160
"""rows and columns of an overview"""
MOST_PIXELS = 1_024
"""rows and columns of a frame: more would take seconds each, and much memory"""


@dataclass(frozen=True)
class Drawn:
    """Puts a stage, physics and a renderer together.

    Attributes:
        pixels: rows and columns of a frame; 0 draws nothing.
        depth, segmentation: see `Pictures`.
        overview: tell what the stage's camera above sees, 160 x 160.
        joints: tell `qpos` and `qvel`, see `MujocoWorld`.
        backend: what draws.

    Raises:
        ValueError: pixels are fewer than 8 and not 0, or more than 1,024.
    """

    pixels: int
    depth: bool = False
    segmentation: bool = False
    overview: bool = False
    joints: bool = False
    backend: Backend = Backend.AUTO

    def __post_init__(self) -> None:
        if self.pixels and not 8 <= self.pixels <= MOST_PIXELS:
            raise ValueError(
                f"pixels must be 0, or 8 to {MOST_PIXELS:,}, not {self.pixels}"
            )

    def world(self, stage: Stage[Any], device: torch.device | str) -> MujocoWorld:
        """The stage as a world whose tensors lie on `device`.

        Raises:
            CannotDraw: what should draw cannot; see `choose_renderer`.
            ValueError: the scene has no such camera; or see `Pictures`.
        """
        model = mujoco.MjModel.from_xml_string(stage.xml)
        eye = above = None
        if self.pixels:
            eye = self._drawer(model, stage.camera, self.pixels, (0, 1, 2), device)
        if self.overview:
            above = self._drawer(model, stage.above, ABOVE, (0, 1, 2, 3), device)
        pictures = Pictures(eye, above, self.depth, self.segmentation)
        physics = choose_physics(model, device)
        return MujocoWorld(stage, physics, pictures, self.joints)

    def _drawer(
        self,
        model: mujoco.MjModel,
        camera: str,
        pixels: int,
        groups: tuple[int, ...],
        device: torch.device | str,
    ) -> Camera:
        number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        if number < 0:
            raise ValueError(f"The scene has no camera '{camera}'")
        view = View(pixels, pixels, float(model.cam_fovy[number]), groups)
        return Camera(number, choose_renderer(model, view, device, self.backend))
