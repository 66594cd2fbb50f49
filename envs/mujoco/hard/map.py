"""The hall from above, for people."""

from typing import final

import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from envs.mujoco.hard.hall import GATE, THICK
from envs.mujoco.hard.layouts import BACK, DOORWAY, FRONT, WIDE
from envs.mujoco.hard.task import Dot
from envs.mujoco.walking.walker import RADIUS

_PIXELS = 17  # to a metre
_EDGE, _FLOORS = (0.16, 0.16, 0.18), ((0.55, 0.5, 0.42), (0.36, 0.44, 0.52))
_GOAL, _SELF, _NOSE = (1.0, 0.82, 0.1), (0.95, 0.95, 0.95), (0.1, 0.1, 0.1)


@final
class Map:
    """Draws both rooms, the gate, the goal, what the task has, and the walker.

    Args:
        device: where pictures are drawn.

    Attributes:
        shape: (3, H, W) of a map; x goes to the right and y up.
    """

    def __init__(self, device: torch.device | str) -> None:
        edge = 2 * THICK
        width = round((BACK + FRONT + 2 * edge) * _PIXELS)
        height = round((2 * WIDE + 2 * edge) * _PIXELS)
        self.shape = (3, height, width)
        x = (torch.arange(width, device=device) + 0.5) / _PIXELS - FRONT - edge
        y = WIDE + edge - (torch.arange(height, device=device) + 0.5) / _PIXELS
        self._x = x.expand(height, -1)
        self._y = y.unsqueeze(1).expand(-1, width)
        outside = (self._y.abs() > WIDE) | (self._x < -FRONT) | (self._x > BACK)
        edge_, front, back = (
            torch.tensor(c, device=device).view(3, 1, 1) for c in (_EDGE, *_FLOORS)
        )
        ground = torch.where(self._x < FRONT, front, back)
        self._ground = torch.where(outside, edge_, ground)
        self._wall = (self._x - FRONT).abs() < THICK

    def draw(
        self,
        gate: Float32[Tensor, "B"],
        goal: Float32[Tensor, "B 2"],
        opened: Bool[Tensor, "B"],
        dots: list[Dot],
        place: Float32[Tensor, "B 2"],
        facing: Float32[Tensor, "B 2"],
    ) -> UInt8[Tensor, "B 3 H W"]:
        """Halls as they are now, with the walker at a place and its nose ahead."""
        off = (self._y - gate.view(-1, 1, 1)).abs()
        hole = self._wall & (off < DOORWAY / 2)
        picture = self._ground.repeat(len(gate), 1, 1, 1)
        picture = self._filled(picture, self._wall & ~hole, _EDGE)
        picture = self._filled(picture, hole & ~opened.view(-1, 1, 1), GATE)
        for dot in dots:
            picture = self._dot(picture, dot.place, dot.radius, dot.colour)
        picture = self._dot(picture, goal, 0.3, _GOAL)
        picture = self._dot(picture, place, RADIUS, _SELF)
        nose = place + 0.7 * RADIUS * facing
        picture = self._dot(picture, nose, 0.4 * RADIUS, _NOSE)
        return (255 * picture).round().byte()

    def _dot(
        self,
        picture: Float32[Tensor, "B 3 H W"],
        place: Float32[Tensor, "B 2"],
        radius: float,
        colour: Float32[Tensor, "B 3"] | tuple[float, float, float],
    ) -> Float32[Tensor, "B 3 H W"]:
        x, y = place.view(-1, 2, 1, 1).unbind(1)
        near = (self._x - x).square() + (self._y - y).square() < radius**2
        return self._filled(picture, near, colour)

    def _filled(
        self,
        picture: Float32[Tensor, "B 3 H W"],
        where: Bool[Tensor, "B H W"],
        colour: Float32[Tensor, "B 3"] | tuple[float, float, float],
    ) -> Float32[Tensor, "B 3 H W"]:
        paint = torch.as_tensor(colour, device=picture.device).view(-1, 3, 1, 1)
        return torch.where(where.unsqueeze(1), paint, picture)
