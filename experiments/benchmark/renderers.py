"""Pictures per second of each renderer that this machine has.

All draw the same worlds: a floor, four walls and fifteen bodies, once boxes alone and
once all shapes in turn, in every world elsewhere. One update draws all worlds once.
Beside them the world `rooms`: its frames alone, whole steps, and PPO in both.
"""

from collections.abc import Iterator
from typing import Any

import torch

from envs.mujoco.renderers.choose import Backend, choose_renderer
from envs.mujoco.renderers.crowd import BODIES, Crowd
from envs.mujoco.renderers.renderer import CannotDraw, Poses, Renderer, View
from experiments.benchmark.rooms import room_arms
from experiments.benchmark.timing import Arm

PIXELS, GEOMS = 64, 20
ON_CPU, ON_GPU = 64, 1024  # worlds
BODIES_OF = {"boxes": ("box",), "all shapes": BODIES}
DRAWN = (Backend.RAY_CASTER, Backend.NATIVE, Backend.WARP)


class FramesArm(Arm):
    """Draws all worlds, in colours alone or with depth and who is seen where.

    Args:
        name: of the arm.
        about: what it is, in a line.
        renderer: draws; closed with the arm.
        poses: of B worlds.
        whole: depth and segmentation, too.
    """

    unit = "frames"

    def __init__(
        self, name: str, about: str, renderer: Renderer, poses: Poses, whole: bool
    ) -> None:
        self.name, self.about, self.units = name, about, len(poses.camera_pos)
        self.renderer, self.poses, self.whole = renderer, poses, whole

    def update(self) -> None:
        """One picture of every world."""
        if self.whole:
            self.renderer.render(self.poses)
        else:
            self.renderer.frames(self.poses)

    def details(self) -> dict[str, Any]:
        """Size of frames, geoms, and whether there is more than colours."""
        return {"pixels": PIXELS, "geoms": GEOMS, "depth": self.whole}

    def close(self) -> None:
        """Give back what the renderer holds."""
        self.renderer.close()


def render_arms(
    num_envs: int | None, device: torch.device, seed: int
) -> Iterator[tuple[Arm, str | None]]:
    """Each renderer on each crowd, and rooms; others are compared with the ray caster.

    Renderers that this machine lacks are left out.

    Args:
        num_envs: B; None: 64, on a GPU 1024.
        device: where.
        seed: of the worlds.
    """
    num_worlds = num_envs or (ON_GPU if device.type == "cuda" else ON_CPU)
    view = View(PIXELS, PIXELS, 60.0)
    for bodies, shapes in BODIES_OF.items():
        crowd = Crowd(GEOMS, shapes)
        generator = torch.Generator().manual_seed(seed)
        poses = crowd.poses(num_worlds, generator, device)
        baseline = None
        for backend in DRAWN:
            try:
                drawn = choose_renderer(crowd.model, view, device, backend).renderer
            except CannotDraw:
                continue
            name = f"{backend.value}, {bodies}"
            about = f"{num_worlds} worlds of {GEOMS} geoms, {PIXELS} x {PIXELS}"
            yield FramesArm(name, about, drawn, poses, whole=False), baseline
            baseline = baseline or name
            if backend is Backend.RAY_CASTER:
                again = choose_renderer(crowd.model, view, device, backend).renderer
                more = f"{about}, with depth and segmentation"
                yield FramesArm(f"{name}, all", more, again, poses, True), baseline
    yield from room_arms(num_worlds, device, seed)
