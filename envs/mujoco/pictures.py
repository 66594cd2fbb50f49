"""What a stage's cameras see: frames, and facts where they are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import UInt8
from torch import Tensor

from envs.mujoco.physics import Bodies
from envs.mujoco.renderers.choose import Chosen
from envs.mujoco.renderers.renderer import Picture, Poses
from envs.mujoco.stage import Stage
from envs.vector_env import FactSpec


@dataclass(frozen=True)
class Camera:
    """A camera of a model by its number, and what draws what it sees."""

    number: int
    chosen: Chosen

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.chosen.renderer.view.height, self.chosen.renderer.view.width

    def poses(self, stage: Stage[Any], own: Any, bodies: Bodies) -> Poses:
        """All that is drawn, from where the camera is."""
        poses = Poses(
            geom_pos=bodies.geom_pos,
            geom_mat=bodies.geom_mat,
            camera_pos=bodies.camera_pos[:, self.number],
            camera_mat=bodies.camera_mat[:, self.number],
        )
        return stage.shown(own, poses)


@final
class Pictures:
    """Draws worlds of one stage.

    The latest picture is kept, since frames and facts are parts of the same.

    Args:
        eye: the agent's; None draws nothing, a frame is then one black pixel.
        above: tells `overview`, for people; None tells none.
        depth: tell `depth`, metres along the optical axis of every pixel.
        segmentation: tell `segmentation`, the geom that every pixel shows, -1 for sky.

    Attributes:
        obs_shape: of frames.
        facts: what `describe` tells.
        about: a line for people: what draws, and why.

    Raises:
        ValueError: depth or segmentation are to be told, and nothing draws.
    """

    def __init__(
        self,
        eye: Camera | None,
        above: Camera | None = None,
        depth: bool = False,
        segmentation: bool = False,
    ) -> None:
        if eye is None and (depth or segmentation):
            raise ValueError(
                "Depth and segmentation need pictures: ask for pixels, or for neither"
            )
        self._eye, self._above = eye, above
        self.obs_shape, self.about = (1, 1, 1), ""
        self._seen: dict[str, FactSpec] = {}
        if eye is not None:
            # A phrase among others of what is seen, where `why` is a sentence.
            why = eye.chosen.why.rstrip(".")
            self.obs_shape, self.about = (3, *eye.size), why[:1].lower() + why[1:]
            if depth:
                self._seen["depth"] = FactSpec(eye.size, torch.float32)
            if segmentation:
                self._seen["segmentation"] = FactSpec(eye.size, torch.int32)
        self.facts = dict(self._seen)
        if above is not None:
            self.facts["overview"] = FactSpec((3, *above.size), torch.uint8)
        self._drawn: tuple[Bodies, Picture] | None = None

    def frames(
        self, stage: Stage[Any], own: Any, bodies: Bodies
    ) -> UInt8[Tensor, "B C H W"]:
        """Frames of all worlds."""
        if self._eye is None:
            shape = (len(bodies.qpos), *self.obs_shape)
            return torch.zeros(shape, dtype=torch.uint8, device=bodies.qpos.device)
        if self._seen:
            return self._picture(self._eye, stage, own, bodies).rgb
        poses = self._eye.poses(stage, own, bodies)
        return self._eye.chosen.renderer.frames(poses)

    def describe(
        self, stage: Stage[Any], own: Any, bodies: Bodies
    ) -> Mapping[str, Tensor]:
        """The facts that were asked for."""
        told: dict[str, Tensor] = {}
        if self._seen and self._eye is not None:
            picture = self._picture(self._eye, stage, own, bodies)
            told = {name: getattr(picture, name) for name in self._seen}
        if self._above is not None:
            poses = self._above.poses(stage, own, bodies)
            told["overview"] = self._above.chosen.renderer.frames(poses)
        return told

    def close(self) -> None:
        """Release what draws."""
        for camera in (self._eye, self._above):
            if camera is not None:
                camera.chosen.renderer.close()

    def _picture(
        self, eye: Camera, stage: Stage[Any], own: Any, bodies: Bodies
    ) -> Picture:
        if self._drawn is None or self._drawn[0] is not bodies:
            poses = eye.poses(stage, own, bodies)
            self._drawn = bodies, eye.chosen.renderer.render(poses)
        return self._drawn[1]
