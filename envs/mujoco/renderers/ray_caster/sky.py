"""What is seen where there is nothing: black, or the model's box around the world."""

from typing import final

import mujoco
import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.textures import texels

_BOX = int(mujoco.mjtTexture.mjTEXTURE_SKYBOX)


@final
class Sky:
    """The six sides of a box without size, seen along rays of the world.

    Sides lie below each other in MuJoCo's texture, in OpenGL's order of cube maps; one
    square alone is on all sides. Texels are not smoothed.

    Args:
        model: the scene; without a skybox the sky is black.
        device: of everything here.
    """

    def __init__(self, model: mujoco.MjModel, device: torch.device) -> None:
        boxes = np.flatnonzero(model.tex_type == _BOX).tolist()
        self.plain = not boxes
        """whether it is black everywhere"""
        picture = texels(model, boxes[0]) if boxes else np.zeros((1, 1, 3), np.uint8)
        self._wide = picture.shape[1]
        if picture.shape[0] < 6 * self._wide:
            picture = np.tile(picture[: self._wide], (6, 1, 1))
        rows = torch.from_numpy(picture.astype(np.float32) / 255).to(device)
        self._texels = rows.flatten(0, 1).t().contiguous()

    def colours(self, ray: Float32[Tensor, "3 n"]) -> Float32[Tensor, "3 n"]:
        """Red, green and blue, 1 for full, along directions of the world."""
        x, y, z = ray
        # The box is OpenGL's, whose y-axis points upwards.
        box = torch.stack([x, z, -y])
        size = box.abs()
        axis = size.argmax(0)
        along = box.gather(0, axis.unsqueeze(0))[0]
        side = torch.where(along < 0, -1.0, 1.0)
        a, b, c = box
        across = torch.stack([-side * c, a, side * a]).gather(0, axis.unsqueeze(0))[0]
        down = torch.stack([-b, side * c, -b]).gather(0, axis.unsqueeze(0))[0]
        far, most = along.abs(), self._wide - 1
        column, row = (
            ((x / far + 1) / 2 * self._wide).long().clamp(0, most)
            for x in (across, down)
        )
        face = 2 * axis + (along < 0)
        place = (face * self._wide + row) * self._wide + column
        return self._texels.index_select(1, place)
