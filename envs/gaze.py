"""A gaze that turns on the spot: headings, quadrants, and what tells them to the agent.

Headings are counted in steps of 12 degrees, quadrants are `degrees // 90`.
"""

from math import pi

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

HEADINGS = 30
"""headings of a whole turn"""
DEGREES = 360 // HEADINGS
TURNS = (0, 1, -1, 2, -2, 4, -4, 8, -8)
"""headings by which each action turns"""
ACTIONS = ("stay", *[f"turn {DEGREES * x:+d} degrees" for x in TURNS[1:]])
MIDDLE = (4, 11, 19, 26)
"""a heading in the middle of each quadrant, to 3 degrees"""
FREQUENCIES = (1, 2, 4, 8)


def quadrants(device: torch.device | str) -> Int64[Tensor, "30"]:
    """The quadrant that each heading looks into."""
    return torch.arange(HEADINGS, device=device) * DEGREES // 90


def compass(device: torch.device | str) -> Float32[Tensor, "30 8"]:
    """What the agent feels of each heading: sin and cos of 1, 2, 4 and 8 times it."""
    heading = torch.arange(HEADINGS, dtype=torch.float64) * (2 * pi / HEADINGS)
    angle = heading.unsqueeze(1) * torch.tensor(FREQUENCIES)
    felt = torch.stack([angle.sin(), angle.cos()], -1)
    return felt.flatten(1).float().to(device)
