"""Where the sectors of the room are, and how places in their boxes become metres."""

from math import pi, tan
from typing import final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor
from torch.nn.functional import one_hot

from envs.gaze import HEADINGS

MIDDLE = 4.0
"""metres from the agent to the middle of each box"""
FARTHEST = 2.0
"""the greatest half of a box, in metres"""
_TIE = 1e-3  # radians, far above what rounding does


@final
class Layout:
    """n sectors around the agent, each with a square box on the floor.

    A box is as large as there is room for; its x goes to the right as the agent sees
    it, its y towards the agent. So what the attention world draws from above is what
    would be seen here from behind the agent, high up. The world's x points along
    heading 0, headings turn to the left.

    Args:
        num: n, sectors; sector s has the headings h with ⌊n h / 30⌋ = s.
        device: of what is looked up.

    Attributes:
        half: of a box, in metres.
        wall: metres from the agent to the walls of the room.
    """

    def __init__(self, num: int, device: torch.device | str) -> None:
        slope = tan(pi / num)
        self.num = num
        self.half = min(FARTHEST, MIDDLE * slope / (1 + slope))  # inner corners meet
        self.wall = MIDDLE + self.half + 0.6
        heading = torch.arange(HEADINGS, device=device)
        angle = (torch.arange(num, device=device) + 0.5) * (2 * pi / num)
        self._ahead = torch.stack([angle.cos(), angle.sin()], -1)
        self._right = torch.stack([angle.sin(), -angle.cos()], -1)
        self._heading = 2 * pi / HEADINGS * heading

    def watched(
        self,
        heading: Int64[Tensor, "B"],
        sector: Int64[Tensor, "B n"],
        place: Float32[Tensor, "B 2"],
    ) -> Bool[Tensor, "B n"]:
        """The group whose box is straight ahead, or nearest to it.

        From the middle, where `place` is 0, that is the one in the sector of the
        heading.
        """
        way = MIDDLE * self._ahead[sector] - place.unsqueeze(1)
        angle = torch.atan2(way[..., 1], way[..., 0])
        # A heading between two sectors looks into the left one.
        off = angle - self.angle(heading).unsqueeze(1) - _TIE
        return one_hot(off.cos().argmax(1), self.num).bool()

    def towards(
        self, sector: Int64[Tensor, "B"], place: Float32[Tensor, "B 2"]
    ) -> Int64[Tensor, "B"]:
        """The heading that is nearest to the middle of a sector's box."""
        x, y = (MIDDLE * self._ahead[sector] - place).unbind(1)
        turns = torch.atan2(y, x) / (2 * pi) * HEADINGS
        return turns.round().long() % HEADINGS

    def angle(self, heading: Int64[Tensor, "B"]) -> Float32[Tensor, "B"]:
        """Headings in radians."""
        return self._heading.index_select(0, heading)

    def metres(
        self, places: Float32[Tensor, "B n M 2"], sector: Int64[Tensor, "B n"]
    ) -> Float32[Tensor, "B n M 2"]:
        """X and y in the room of places in boxes, by group."""
        x, y = (self.half * places).split(1, -1)
        ahead, right = self._ahead[sector], self._right[sector]
        metres: Tensor = (MIDDLE - y) * ahead.unsqueeze(2) + x * right.unsqueeze(2)
        return metres
