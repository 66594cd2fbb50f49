"""A quadrant as a picture: discs with soft edges on a floor."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from envs.behaviours.behaviour import Look

FLOORS = ((58, 46, 46), (44, 58, 46), (42, 50, 66), (62, 58, 40))
"""colours of the four quadrants"""
HALF = 1.25
"""from the middle of a frame to its edges, in units of the box: no disc is cut off"""


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
