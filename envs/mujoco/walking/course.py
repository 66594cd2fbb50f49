"""The step that leads to a place, around what is not to be touched."""

from math import pi

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.mujoco.walking.gaits import AHEAD, HEADINGS, LEFT, RIGHT, TURN

_NEAR = 0.9  # metres ahead within which something is in the way
_BLOCKED = 100.0  # a turn that costs more than any other


def steer(
    place: Float32[Tensor, "B 2"],
    facing: Float32[Tensor, "B 2"],
    aim: Float32[Tensor, "B 2"],
    avoid: Float32[Tensor, "B n 2"],
    wide: float,
) -> Int64[Tensor, "B"]:
    """Ahead, left or right, on the free heading that is nearest to the aim.

    Args:
        place: of each walker.
        facing: the unit vector ahead.
        aim: where it goes.
        avoid: middles of what stands in its way.
        wide: metres that it keeps from them.
    """
    angle = torch.arange(HEADINGS, device=place.device) * TURN - pi
    ways = torch.stack([angle.cos(), angle.sin()], -1)
    turn = turned(aim - place, ways).abs()
    if avoid.shape[1]:
        to = (avoid - place.unsqueeze(1)).unsqueeze(2)
        ahead = (to * ways).sum(-1)
        x, y = ways.unbind(-1)
        across = (to[..., 0] * y - to[..., 1] * x).abs()
        far = torch.linalg.vector_norm(aim - place, dim=1).clamp(max=_NEAR)
        stands = (ahead > 1e-3) & (ahead < far.view(-1, 1, 1)) & (across < wide)
        turn = turn + _BLOCKED * stands.any(1)
    return face(facing, ways[turn.argmin(1)])


def face(
    facing: Float32[Tensor, "B 2"], wanted: Float32[Tensor, "B 2"]
) -> Int64[Tensor, "B"]:
    """Left or right until that is ahead, and then ahead."""
    left = turned(facing, wanted.unsqueeze(1))[:, 0]
    action = torch.where(left > 0, LEFT, RIGHT)
    return torch.where(left.abs() < TURN / 2 + 1e-3, AHEAD, action)


def turned(
    before: Float32[Tensor, "B 2"], after: Float32[Tensor, "*B n 2"]
) -> Float32[Tensor, "B n"]:
    """Radians to the left from one direction to others."""
    x, y = before.unsqueeze(1).unbind(-1)
    dot = x * after[..., 0] + y * after[..., 1]
    cross = x * after[..., 1] - y * after[..., 0]
    return torch.atan2(cross, dot)


def distance(
    places: Float32[Tensor, "B *n 2"], other: Float32[Tensor, "B *#n 2"]
) -> Float32[Tensor, "B *n"]:
    """Metres from places to another, or each to one of its own."""
    metres: Tensor = torch.linalg.vector_norm(places - other, dim=-1)
    return metres
