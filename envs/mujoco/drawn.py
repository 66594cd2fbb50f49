"""What is to be drawn of a stage, and the world that comes of it."""

from dataclasses import dataclass
from typing import Any

import mujoco
import torch

from envs.mujoco.pictures import Pictures
from envs.mujoco.renderers.backend import Backend
from envs.mujoco.renderers.choose import Chosen, choose
from envs.mujoco.renderers.renderer import View
from envs.mujoco.stage import Stage
from envs.mujoco.threads import ThreadedPhysics
from envs.mujoco.world import MujocoWorld


@dataclass(frozen=True)
class Drawn:
    """Puts a stage, physics and a renderer together.

    Attributes:
        pixels: rows and columns of a frame; 0 draws nothing.
        depth, segmentation: see `Pictures`.
        backend: what draws.

    Raises:
        ValueError: pixels are fewer than 8 and not 0.
    """

    pixels: int
    depth: bool = False
    segmentation: bool = False
    backend: Backend = Backend.AUTO

    def __post_init__(self) -> None:
        if self.pixels < 0 or 0 < self.pixels < 8:
            raise ValueError(f"pixels must be 0 or at least 8, not {self.pixels}")

    def world(self, stage: Stage[Any], device: torch.device | str) -> MujocoWorld:
        """The stage as a world whose tensors lie on `device`.

        Raises:
            CannotDraw: what should draw cannot; see `choose`.
            ValueError: see `Pictures`.
        """
        model = mujoco.MjModel.from_xml_string(stage.xml)
        chosen = self._chosen(model, stage.camera, device)
        pictures = Pictures(model, stage.camera, chosen, self.depth, self.segmentation)
        return MujocoWorld(stage, ThreadedPhysics(model, device), pictures)

    def _chosen(
        self, model: mujoco.MjModel, camera: str, device: torch.device | str
    ) -> Chosen | None:
        if not self.pixels:
            return None
        fovy = float(model.camera(camera).fovy[0])
        view = View(self.pixels, self.pixels, fovy)
        return choose(model, view, device, self.backend)
