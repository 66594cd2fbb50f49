"""What a scene's camera sees: frames, and depth and geoms as facts where asked for."""

from collections.abc import Mapping
from typing import Any, final

import mujoco
import torch
from jaxtyping import UInt8
from torch import Tensor

from envs.mujoco.physics import Bodies
from envs.mujoco.renderers.choose import Chosen
from envs.mujoco.renderers.renderer import Picture, Poses
from envs.mujoco.stage import Stage
from envs.vector_env import FactSpec


@final
class Pictures:
    """Draws scenes of one model through one camera.

    The latest picture is kept, since frames and facts are parts of the same.

    Args:
        model: of the scene.
        camera: its camera, by name.
        chosen: what draws; None draws nothing, a frame is then one black pixel.
        depth: tell `depth`, metres along the optical axis of every pixel.
        segmentation: tell `segmentation`, the geom that every pixel shows, -1 for sky.

    Attributes:
        obs_shape: of frames.
        facts: what `describe` tells.
        about: a line for people: what draws, and why.

    Raises:
        ValueError: the model has no such camera; or depth or segmentation are to be
            told, and nothing draws.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        camera: str,
        chosen: Chosen | None,
        depth: bool = False,
        segmentation: bool = False,
    ) -> None:
        if chosen is None and (depth or segmentation):
            raise ValueError(
                "Depth and segmentation need pictures: ask for pixels, or for neither"
            )
        renderer = self._renderer = None if chosen is None else chosen.renderer
        # A phrase among others of what is seen, where `why` is a sentence.
        why = "" if chosen is None else chosen.why.rstrip(".")
        self.about = why[:1].lower() + why[1:]
        self._camera = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        if renderer is not None and self._camera < 0:
            raise ValueError(f"The scene has no camera '{camera}'")
        self.obs_shape, self.facts = (1, 1, 1), dict[str, FactSpec]()
        if renderer is not None:
            size = renderer.view.height, renderer.view.width
            self.obs_shape = (3, *size)
            if depth:
                self.facts["depth"] = FactSpec(size, torch.float32)
            if segmentation:
                self.facts["segmentation"] = FactSpec(size, torch.int32)
        self._drawn: tuple[Bodies, Picture] | None = None

    def frames(
        self, stage: Stage[Any], own: Any, bodies: Bodies
    ) -> UInt8[Tensor, "B C H W"]:
        """Frames of all worlds."""
        if self._renderer is None:
            shape = (len(bodies.qpos), *self.obs_shape)
            return torch.zeros(shape, dtype=torch.uint8, device=bodies.qpos.device)
        if self.facts:
            return self._picture(stage, own, bodies).rgb
        return self._renderer.frames(self._poses(stage, own, bodies))

    def describe(
        self, stage: Stage[Any], own: Any, bodies: Bodies
    ) -> Mapping[str, Tensor]:
        """The facts that were asked for."""
        if not self.facts:
            return {}
        picture = self._picture(stage, own, bodies)
        return {name: getattr(picture, name) for name in self.facts}

    def close(self) -> None:
        """Release what draws."""
        if self._renderer is not None:
            self._renderer.close()

    def _picture(self, stage: Stage[Any], own: Any, bodies: Bodies) -> Picture:
        if self._drawn is None or self._drawn[0] is not bodies:
            assert self._renderer is not None
            poses = self._poses(stage, own, bodies)
            self._drawn = bodies, self._renderer.render(poses)
        return self._drawn[1]

    def _poses(self, stage: Stage[Any], own: Any, bodies: Bodies) -> Poses:
        poses = Poses(
            geom_pos=bodies.geom_pos,
            geom_mat=bodies.geom_mat,
            camera_pos=bodies.camera_pos[:, self._camera],
            camera_mat=bodies.camera_mat[:, self._camera],
        )
        return stage.shown(own, poses)
