"""Halls in metres: where the gate is, where the goal, and where things lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from random import Random
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

FRONT, BACK = 3.0, 6.0
"""metres along x to the wall with the gate, and to the end; the front begins at -3"""
WIDE = 2.5
"""metres along y from the middle to either wall"""
DOORWAY = 1.2
"""metres that the gate is wide"""
_GATE = 1.2  # metres from the middle of its wall to the gate, at most
_CLEAR = 1.4  # metres from the gate to anything that lies before it, at least
_START = 0.6  # metres from where episodes begin to any wall, at least
_TRIES = 200  # at one hall, before it is begun anew

Point = tuple[float, float]


@final
@dataclass(frozen=True)
class Spots:
    """Where things may lie in the front of a hall.

    Attributes:
        margins: metres from each thing's middle to any wall, at least.
        apart: metres between the middles of things, and to where episodes begin.
    """

    margins: tuple[float, ...]
    apart: float


@final
@dataclass(frozen=True)
class Layouts:
    """L halls in tables; x goes to the gate, y to the left, 0 is the front's middle.

    Attributes:
        gate: the gate's y; its x is `FRONT`.
        start: where episodes begin, more or less.
        goal: where the goal is.
        things: where the n things of the task lie at first.
    """

    gate: Float32[Tensor, "L"]
    start: Float32[Tensor, "L 2"]
    goal: Float32[Tensor, "L 2"]
    things: Float32[Tensor, "L n 2"]

    @property
    def num(self) -> int:
        """L."""
        return len(self.gate)


def draw_layouts(
    spots: Spots, seeds: Sequence[int], device: torch.device | str
) -> Layouts:
    """Draw a hall for each seed.

    Args:
        spots: what the task has in them.
        seeds: one for each of the L halls.
        device: of the tables.
    """
    halls = [_hall(spots, Random(f"{seed} hall")) for seed in seeds]
    gate, start, goal, things = (
        torch.tensor(x, dtype=torch.float32, device=device)
        for x in zip(*halls, strict=True)
    )
    return Layouts(gate, start, goal, things)


def _hall(spots: Spots, random: Random) -> tuple[float, Point, Point, list[Point]]:
    """One hall: things are put down by chance until all of them have their room."""
    while True:
        gate = random.uniform(-_GATE, _GATE)
        goal = random.uniform(FRONT + 1.3, BACK - 0.8), random.uniform(-1.8, 1.8)
        placed: list[Point] = []
        for margin in (*spots.margins, _START):
            for _ in range(_TRIES):
                x, y = FRONT - margin, WIDE - margin
                spot = random.uniform(-x, x), random.uniform(-y, y)
                far = [hypot(spot[0] - a, spot[1] - b) for a, b in placed]
                clear = hypot(spot[0] - FRONT, spot[1] - gate) > _CLEAR
                if clear and all(d > spots.apart for d in far):
                    placed.append(spot)
                    break
        if len(placed) == len(spots.margins) + 1:
            return gate, placed[-1], goal, placed[:-1]
