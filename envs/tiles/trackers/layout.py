"""The map of the tracker maze: rooms in a row, doors, floors, and where things lie.

A cell is `y * COLUMNS + x`. Two cells of wall surround the maze, so that a view never
leaves the map.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

ROOMS = 5
SIDE = 5
"""cells per side of a room"""
REACH = 2
"""how many cells the agent sees in each direction"""
BRIGHT_FROM = 2
"""rooms from this one on are bright, and their floors less regular"""
_CODES = ((0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 1, 0))
_FLIPS, _BRIGHT_FLIPS = 0.15, 0.5
_BLOCKED = (2, 3)  # doors in which blocks stand

TOP = LEFT = REACH + 1  # of the first room
PITCH = SIDE + 1  # from room to room
ROWS = SIDE + 2 * TOP
COLUMNS = ROOMS * PITCH + 1 + 2 * REACH
_MIDDLE = SIDE // 2


@dataclass(frozen=True)
class Layout:
    """All that stays the same in every episode.

    Attributes:
        wall: by cell.
        room: by cell, the room it belongs to; a door belongs to the room left of it.
        floor: by cell, three bits; 0 where there is a wall.
        bright: by cell, whether floors are drawn twice as strongly.
        start: the cell where the agent begins.
        trackers: the cells of the four trackers, of rooms 1 to 4.
        blocks: the cells where blocks begin.
        movers: the cells where movers begin, room after room.
        mover_rooms: the rooms of the movers.
    """

    wall: Bool[Tensor, "cells"]
    room: Int64[Tensor, "cells"]
    floor: UInt8[Tensor, "cells 3"]
    bright: Bool[Tensor, "cells"]
    start: int
    trackers: tuple[int, ...]
    blocks: tuple[int, ...]
    movers: tuple[int, ...]
    mover_rooms: tuple[int, ...]


def lay_out(
    seed: int, on_the_way: bool, movers: int, mover_rooms: tuple[int, ...]
) -> Layout:
    """Draw the floors, and where movers begin; all else is the same for all seeds.

    Args:
        seed: equal seeds give equal floors, whatever moves there.
        on_the_way: trackers lie in front of the doors, the last one in the far corner;
            else in the middle of their rooms.
        movers: per room, `SIDE`² at most.
        mover_rooms: where there are any.
    """
    drawn = np.random.default_rng(1_000 + seed)  # floors differ from draws of the run
    wall = np.ones((ROWS, COLUMNS), bool)
    for number in range(ROOMS):
        left = LEFT + number * PITCH
        wall[TOP : TOP + SIDE, left : left + SIDE] = False
    for y, x in _doors():
        wall[y, x] = False
    room = ((np.arange(COLUMNS) - LEFT) // PITCH).clip(0, ROOMS - 1)
    bright = room >= BRIGHT_FROM
    chance = np.where(bright, _BRIGHT_FLIPS, _FLIPS)[:, None]
    flips = drawn.random((ROWS, COLUMNS, 3)) < chance
    floor = (np.array(_CODES, bool)[room] ^ flips) & ~wall[..., None]
    begin = tuple(
        _cell(TOP + int(i) // SIDE, LEFT + where * PITCH + int(i) % SIDE)
        for where in mover_rooms
        for i in drawn.permutation(SIDE * SIDE)[:movers]
    )
    everywhere = np.broadcast_to(room, (ROWS, COLUMNS)).flatten()
    return Layout(
        wall=torch.from_numpy(wall.flatten()),
        room=torch.from_numpy(everywhere.astype(np.int64)),
        floor=torch.from_numpy(floor.reshape(-1, 3).astype(np.uint8)),
        bright=torch.from_numpy(everywhere >= BRIGHT_FROM),
        start=_cell(TOP + _MIDDLE, LEFT),
        trackers=_in_front() if on_the_way else _in_the_middle(),
        blocks=tuple(_cell(*_doors()[i]) for i in _BLOCKED),
        movers=begin,
        mover_rooms=tuple(x for x in mover_rooms for _ in range(movers)),
    )


def drift(layout: Layout) -> Int64[Tensor, "cells 5"]:
    """Where something in a room is after it stayed, or went up, down, left or right.

    What leaves the room at one side comes in at the other.
    """
    after = torch.arange(ROWS * COLUMNS).unsqueeze(1).repeat(1, 5)
    for room in range(ROOMS):
        top, left = TOP, LEFT + room * PITCH
        for y in range(SIDE):
            for x in range(SIDE):
                after[_cell(top + y, left + x)] = torch.tensor(
                    [
                        _cell(top + (y + dy) % SIDE, left + (x + dx) % SIDE)
                        for dy, dx in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
                    ]
                )
    return after


def _cell(y: int, x: int) -> int:
    return y * COLUMNS + x


def _doors() -> list[tuple[int, int]]:
    """(y, x): at the bottom and at the top by turns."""
    return [
        (TOP + (0 if i % 2 else SIDE - 1), LEFT - 1 + (i + 1) * PITCH)
        for i in range(ROOMS - 1)
    ]


def _in_the_middle() -> tuple[int, ...]:
    rooms = range(1, ROOMS)
    return tuple(_cell(TOP + _MIDDLE, LEFT + i * PITCH + _MIDDLE) for i in rooms)


def _in_front() -> tuple[int, ...]:
    before = [_cell(y, x - 1) for y, x in _doors()[1:]]
    end = _cell(TOP + SIDE - 1, LEFT + (ROOMS - 1) * PITCH + SIDE - 1)
    return *before, end
