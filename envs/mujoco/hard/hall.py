"""The hall that tasks are in: two rooms, and a wall with a gate between them."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.hard.layouts import BACK, DOORWAY, FRONT, WIDE
from envs.mujoco.hard.look import Look
from envs.mujoco.walking.indoors import HIGH, golden_cube, indoors

THICK = 0.1
"""half of a wall, in metres"""
AWAY = -50.0
"""metres below the floor, where an open gate is kept"""
GATE = (0.5, 0.5, 0.55)
"""its colour, if the task gives it none"""
_LONG = 1.7  # half a piece of wall beside the gate: long enough wherever the gate is
_FRONT = ((0.75, 0.66, 0.5), (0.62, 0.55, 0.42), (0.68, 0.6, 0.46))
_BACK = ((0.45, 0.6, 0.75), (0.38, 0.5, 0.63), (0.42, 0.55, 0.69))
_PIECES = ("partition right", "partition left", "gate")


@final
class Hall:
    """The scene in MuJoCo's XML, and what stands where in it.

    The front room is warm in colour and the back room cold, so that either is known
    from within. The two pieces of wall beside the gate, and the gate, stand where the
    layout says; an open gate is far below the floor.

    Args:
        bodies: XML of bodies that move, right behind the walker.
        things: XML of geoms that nobody bumps into; a task's `paint` puts them where
            they are.

    Attributes:
        xml: of all.
    """

    def __init__(self, bodies: str, things: str) -> None:
        middle, half = (BACK - FRONT) / 2, (BACK + FRONT) / 2
        walls = [
            _wall("front end", -FRONT - THICK, 0.0, THICK, WIDE + 2 * THICK, _FRONT[0]),
            _wall("front right", 0.0, -WIDE - THICK, FRONT, THICK, _FRONT[1]),
            _wall("front left", 0.0, WIDE + THICK, FRONT, THICK, _FRONT[2]),
            _wall("back end", BACK + THICK, 0.0, THICK, WIDE + 2 * THICK, _BACK[0]),
            _wall("back right", FRONT + middle, -WIDE - THICK, middle, THICK, _BACK[1]),
            _wall("back left", FRONT + middle, WIDE + THICK, middle, THICK, _BACK[2]),
        ]
        partition = " ".join(map(str, (0.6, 0.6, 0.58, 1)))
        gate = " ".join(map(str, (*GATE, 1)))
        pieces = [
            _piece("partition right", THICK, _LONG, partition),
            _piece("partition left", THICK, _LONG, partition),
            _piece("gate", 0.6 * THICK, DOORWAY / 2, gate),
        ]
        inside = [*walls, *pieces, golden_cube(half), things]
        self.xml = indoors("hall", bodies, "".join(inside))

    @staticmethod
    def mocap(
        gate: Float32[Tensor, "B"], opened: Bool[Tensor, "B"]
    ) -> Float32[Tensor, "B 3 3"]:
        """Where the pieces of the wall stand, and the gate."""
        beside = DOORWAY / 2 + _LONG
        y = torch.stack([gate - beside, gate + beside, gate], 1)
        x, z = torch.full_like(y, FRONT), torch.full_like(y, HIGH / 2)
        z[:, 2] = torch.where(opened, AWAY, z[:, 2])
        return torch.stack([x, y, z], -1)

    def paint(
        self,
        look: Look,
        gate: Float32[Tensor, "B"],
        goal: Float32[Tensor, "B 2"],
        opened: Bool[Tensor, "B"],
    ) -> None:
        """The wall with its gate, and the goal, as they are at this moment."""
        for name, place in zip(
            _PIECES, self.mocap(gate, opened).unbind(1), strict=True
        ):
            look.put(name, place[:, :2])
        look.hide("gate", opened)
        look.put("goal", goal)
        look.put("pillar", goal)


def _wall(
    name: str,
    x: float,
    y: float,
    along: float,
    across: float,
    colour: tuple[float, float, float],
) -> str:
    rgba = " ".join(map(str, colour))
    return (
        f'<geom name="{name}" type="box" size="{along} {across} {HIGH / 2}" '
        f'pos="{x} {y} {HIGH / 2}" condim="1" contype="1" conaffinity="1" '
        f'rgba="{rgba} 1"/>'
    )


def _piece(name: str, along: float, across: float, rgba: str) -> str:
    return (
        f'<body name="{name}" mocap="true" pos="0 0 {HIGH / 2}"><geom name="{name}" '
        f'type="box" size="{along} {across} {HIGH / 2}" condim="1" contype="1" '
        f'conaffinity="1" rgba="{rgba}"/></body>'
    )
