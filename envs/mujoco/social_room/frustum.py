"""Which points lie within what a camera takes in."""

from math import radians, tan

import torch
from jaxtyping import Bool, Float32
from torch import Tensor


def within(
    point: Float32[Tensor, "B *n 3"],
    camera_pos: Float32[Tensor, "B 3"],
    camera_mat: Float32[Tensor, "B 3 3"],
    fovy: float,
) -> Bool[Tensor, "B *n"]:
    """Whether points, in metres, are in square frames that take in `fovy` degrees.

    Whether something stands before them is not asked.
    """
    flat = point.reshape(len(point), -1, 3)
    # Rows times columns of axes: coordinates along x (right), y (up), -z (ahead).
    right, up, back = ((flat - camera_pos.unsqueeze(1)) @ camera_mat).unbind(-1)
    reach = -back * tan(radians(fovy / 2))
    inside = torch.maximum(right.abs(), up.abs()) <= reach
    return inside.view(point.shape[:-1])
