"""The wall between two rooms: where dots may be, and how it stops them."""

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.toys.dots import LEAST, MOST

HALF = 1.5
"""pixels from the wall's middle to where a dot is stopped: the wall is 3 wide"""
GAP = 2.5
"""pixels from the door's middle to its ends: it is 5 high"""


def moved(
    place: Float32[Tensor, "B 2"],
    by: Float32[Tensor, "B 2"],
    wall: Float32[Tensor, "B"],
    door: Float32[Tensor, "B"],
) -> Float32[Tensor, "B 2"]:
    """Places after a displacement in pixels: first along x, then along y.

    The wall stops what comes along x, except at the height of the door; who stands in
    the door is stopped along y by its ends. The four outer walls stop each direction
    apart, as in the moving dot's world. No displacement may be longer than the wall is
    thick.

    Args:
        place: (x, y) in pixels.
        by: displacement in pixels.
        wall: x of the wall's middle.
        door: y of the door's middle.
    """
    (x, y), (dx, dy) = place.unbind(-1), by.unbind(-1)
    shut = (y - door).abs() > GAP
    left, right = wall - HALF, wall + HALF
    new_x = (x + dx).clamp(LEAST, MOST)
    new_x = torch.where(shut & (x <= left), torch.minimum(new_x, left), new_x)
    new_x = torch.where(shut & (x >= right), torch.maximum(new_x, right), new_x)
    new_y = (y + dy).clamp(LEAST, MOST)
    inside = (new_x > left) & (new_x < right)
    held = torch.minimum(torch.maximum(new_y, door - GAP), door + GAP)
    return torch.stack([new_x, torch.where(inside, held, new_y)], -1)


def beside(
    wall: Float32[Tensor, "B"], right: Bool[Tensor, "B"], generator: torch.Generator
) -> Float32[Tensor, "B 2"]:
    """Uniform places in the right room where `right`, else in the left one."""
    share = torch.rand(*wall.shape, 2, generator=generator, device=wall.device)
    low = torch.where(right, wall + HALF, LEAST)
    high = torch.where(right, MOST, wall - HALF)
    x = low + (high - low) * share[..., 0]
    return torch.stack([x, LEAST + (MOST - LEAST) * share[..., 1]], -1)


def anywhere(
    wall: Float32[Tensor, "B"], generator: torch.Generator
) -> Float32[Tensor, "B 2"]:
    """Uniform places in both rooms together; nobody begins in the door."""
    left = wall - HALF - LEAST  # width of the left room
    both = MOST - LEAST - 2 * HALF
    share = torch.rand(wall.shape, generator=generator, device=wall.device)
    return beside(wall, share * both > left, generator)
