"""Quadrants as pictures: discs with soft edges on a floor."""

from collections.abc import Sequence
from math import pi
from typing import final

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from envs.behaviours.behaviour import Look
from envs.gaze import HEADINGS, quadrants

FLOORS = ((58, 46, 46), (44, 58, 46), (42, 50, 66), (62, 58, 40))
"""colours of the four quadrants"""
HALF = 1.25
"""from the middle of a frame to its edges, in units of the box: no disc is cut off"""
_SIDE, _LINE = 80, 1.5  # pixels of a quadrant from above, and half of the gaze's line


@final
class Drawing:
    """Draws one group of objects per env, all envs at once.

    Args:
        looks: of the objects of each of the four groups.
        pixels: S, rows and columns of a frame.
        device: of the frames.
    """

    def __init__(
        self,
        looks: Sequence[Sequence[Look]],
        pixels: int,
        device: torch.device | str,
    ) -> None:
        self._most = max(map(len, looks))
        colours = torch.zeros(len(looks), self._most, 3)
        radii = torch.zeros(len(looks), self._most)
        for i, group in enumerate(looks):
            for j, look in enumerate(group):
                colours[i, j] = torch.tensor(look.colour)
                radii[i, j] = look.radius
        self._scale = pixels / 2 / HALF
        self._colours = colours.to(device)
        self._radii = (self._scale * radii).to(device)
        self._floors = torch.tensor(FLOORS, dtype=torch.float32, device=device)
        pixel = torch.arange(pixels, device=device) + 0.5 - pixels / 2
        self._pixel = pixel / self._scale

    def draw(
        self,
        quadrant: Int64[Tensor, "B"],
        group: Int64[Tensor, "B"],
        places: Float32[Tensor, "B M 2"],
        shown: Bool[Tensor, "B M"],
    ) -> UInt8[Tensor, "B 3 S S"]:
        """Frames: x to the right, y downwards, later objects above earlier ones.

        An edge is a pixel wide: there, object and floor are mixed.

        Args:
            quadrant: in view, which has a floor of its own.
            group: in view, whose objects have colours and sizes of their own.
            places: of its objects, within the box.
            shown: which of them there are to be seen.
        """
        colours, radii = self._colours[group], self._radii[group]
        places, shown = places[:, : self._most], shown[:, : self._most]
        off = self._scale * (places.unsqueeze(-1) - self._pixel)
        x, y = off.square().unbind(2)
        distance = (x.unsqueeze(-2) + y.unsqueeze(-1)).sqrt()
        cover = (radii[..., None, None] + 0.5 - distance).clamp(0, 1)
        cover = cover * shown[..., None, None]
        frame = self._floors[quadrant][..., None, None]
        for i in range(self._most):
            frame = torch.lerp(frame, colours[:, i, :, None, None], cover[:, i : i + 1])
        return frame.round().byte()


@final
class Plan:
    """All four quadrants from above; the one in view is lighter, the gaze a line.

    Quadrant 0 is the upper right, the others follow against the clock, as headings do.

    Args:
        looks: of the objects of each of the four groups.
        device: of the pictures.

    Attributes:
        shape: (3, H, W) of a picture.
    """

    shape = (3, 2 * _SIDE, 2 * _SIDE)

    def __init__(
        self, looks: Sequence[Sequence[Look]], device: torch.device | str
    ) -> None:
        self._drawing = Drawing(looks, _SIDE, device)
        self._quadrant = quadrants(device)
        self._at = torch.tensor([1, 0, 2, 3], device=device)  # row by row
        middle = torch.arange(2 * _SIDE, device=device) + 0.5 - _SIDE
        angle = torch.arange(HEADINGS, device=device) * (2 * pi / HEADINGS)
        x, y = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
        right, up = middle.view(1, -1), -middle.view(-1, 1)
        along, across = right * x + up * y, right * y - up * x
        self._line = (along > 0) & (along < 0.6 * _SIDE) & (across.abs() < _LINE)

    def draw(
        self,
        heading: Int64[Tensor, "B"],
        quadrant: Int64[Tensor, "B 4"],
        places: Float32[Tensor, "B 4 M 2"],
        shown: Bool[Tensor, "B 4 M"],
    ) -> UInt8[Tensor, "B 3 H W"]:
        """Pictures.

        Args:
            heading: of the gaze, in steps of 12 degrees.
            quadrant: in which each group stands.
            places: of its objects, within its box.
            shown: which of them there are to be seen.
        """
        num = len(heading)
        env = torch.arange(num, device=heading.device).repeat_interleave(4)
        group = quadrant.argsort(1)[:, self._at].flatten()  # who stands where
        where = self._at.repeat(num)
        each = self._drawing.draw(where, group, places[env, group], shown[env, group])
        lit = where == self._quadrant[heading[env]]
        each = torch.where(lit.view(-1, 1, 1, 1), each, each // 2)
        laid = each.view(num, 2, 2, 3, _SIDE, _SIDE).permute(0, 3, 1, 4, 2, 5)
        line = self._line[heading].unsqueeze(1)
        return laid.reshape(num, *self.shape).masked_fill(line, 255)
