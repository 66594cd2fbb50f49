"""Boxes that stand about, and are pushed by whoever walks into them."""

from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from envs.mujoco.physics import Bodies
from envs.mujoco.walking.walker import FIRM

HALF = 0.25
"""half a side of a box, in metres"""
_WALKER = 3  # joints that come before those of boxes
_COLOURS = (
    (0.85, 0.55, 0.25),
    (0.35, 0.75, 0.8),
    (0.8, 0.8, 0.35),
    (0.75, 0.45, 0.75),
    (0.5, 0.8, 0.45),
    (0.9, 0.9, 0.9),
)


@final
class Boxes:
    """Cubes on the floor, with three joints each: x, y, and how they are turned.

    They are slowed down by the floor as if by oil, and stop at once when nobody pushes.
    In a scene's `worldbody`, `bodies` stands right behind the walker's.

    Args:
        num: n, how many there are.
    """

    def __init__(self, num: int) -> None:
        self.num = num
        self.bodies = "".join(_box(i) for i in range(num))

    def qpos(
        self,
        walker: Float32[Tensor, "B 3"],
        place: Float32[Tensor, "B n 2"],
    ) -> Float32[Tensor, "B _"]:
        """Of a scene with a walker, where boxes stand straight."""
        straight = torch.zeros_like(place[..., :1])
        boxes = torch.cat([place, straight], -1).flatten(1)
        return torch.cat([walker, boxes], 1)

    def place(self, bodies: Bodies) -> Float32[Tensor, "B n 2"]:
        """X and y, in metres."""
        return self._joints(bodies)[..., :2]

    def turned(self, bodies: Bodies) -> Float32[Tensor, "B n"]:
        """Radians by which they have been turned to the left."""
        return self._joints(bodies)[..., 2]

    def _joints(self, bodies: Bodies) -> Float32[Tensor, "B n 3"]:
        last = _WALKER + 3 * self.num
        return bodies.qpos[:, _WALKER:last].view(len(bodies.qpos), self.num, 3)


def _box(number: int) -> str:
    rgba = " ".join(map(str, _COLOURS[number % len(_COLOURS)])) + " 1"
    return f"""
        <body name="box {number}" pos="0 0 {HALF}">
          <joint type="slide" axis="1 0 0" damping="20"/>
          <joint type="slide" axis="0 1 0" damping="20"/>
          <joint type="hinge" axis="0 0 1" damping="0.5"/>
          <geom name="box {number}" type="box" size="{HALF} {HALF} {HALF}" mass="0.3"
            condim="1" contype="1" conaffinity="1" {FIRM} rgba="{rgba}"/>
        </body>"""
