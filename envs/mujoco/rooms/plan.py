"""Mazes in metres: rooms on a grid, doorways between them, and what lies where."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import copysign, hypot
from random import Random
from typing import final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.tiles.maze.layout import Maze, Place, generate_maze

SIDE = 4.0
"""metres from the middle of a room to that of its neighbour"""
DOORWAY = 1.2
"""metres that a doorway is wide"""
WAYS = ((0, 1), (-1, 0), (0, -1), (1, 0))
"""rows and columns to the neighbour on the right, above, on the left and below"""
WALL, OPEN = -2, -1
"""what is between neighbours beside locked doors, which are numbered from 0"""
HERE = 4
"""in place of a way: what is looked for is in this room"""
_CELLS = 10  # of a room in the plans that are drawn: doorways are up to 1 m off centre
_APART = 0.9  # metres between the middles of a box and of anything else, at least
_CLEAR = 1.1  # metres from a doorway, and from where episodes begin
_CORNER = 1.2  # metres from the middle, both ways: a goal of a room by itself
_SPOTS = [0.4 * (i - 3) for i in range(7)]  # where boxes may stand, from the middle

Point = tuple[float, float]


@final
@dataclass(frozen=True)
class Plan:
    """L mazes of R rooms in tables; x goes to the right, y up, room 0 is the corner.

    Attributes:
        rooms: rows and columns of rooms, numbered row by row from the top.
        between: what is on each side of a room: `WALL`, `OPEN`, or the lock's number.
        offset: metres from the middle of that side to its doorway, along x or y.
        start: where episodes begin, more or less.
        goal: where the goal is.
        keys: where the K keys lie.
        doors: where the K locked doors are.
        boxes: where the n boxes stand at first.
        tv: where the television hangs.
        tv_side: on which side of its room.
        way: by the number of keys in hand: through which side of a room the next key
            is reached soonest or, with all of them, the goal; `HERE` where it lies.
    """

    rooms: tuple[int, int]
    between: Int64[Tensor, "L R 4"]
    offset: Float32[Tensor, "L R 4"]
    start: Float32[Tensor, "L 2"]
    goal: Float32[Tensor, "L 2"]
    keys: Float32[Tensor, "L K 2"]
    doors: Float32[Tensor, "L K 2"]
    boxes: Float32[Tensor, "L n 2"]
    tv: Float32[Tensor, "L 2"]
    tv_side: Int64[Tensor, "L"]
    way: Int64[Tensor, "L phases R"]

    @property
    def num_layouts(self) -> int:
        """L."""
        return len(self.start)

    @property
    def num_rooms(self) -> int:
        """R."""
        return self.rooms[0] * self.rooms[1]

    @property
    def num_locks(self) -> int:
        """K."""
        return self.keys.shape[1]

    def middle(self, room: Int64[Tensor, "B"]) -> Float32[Tensor, "B 2"]:
        """Of rooms, in metres."""
        row = torch.div(room, self.rooms[1], rounding_mode="floor")
        return SIDE * torch.stack([room % self.rooms[1], -row], 1).float()

    def room(self, place: Float32[Tensor, "B *n 2"]) -> Int64[Tensor, "B *n"]:
        """Which room a place is in; walls belong half to either side."""
        rows, columns = self.rooms
        x, y = (place / SIDE).round().long().unbind(-1)
        return (-y).clamp(0, rows - 1) * columns + x.clamp(0, columns - 1)


def draw_plan(
    rooms: tuple[int, int],
    locks: int,
    loops: int,
    boxes: int,
    seeds: Sequence[int],
    device: torch.device | str,
) -> Plan:
    """Draw a maze for each seed; the mazes are those of `envs.tiles.maze`.

    Args:
        rooms: rows and columns.
        locks: K, doors that are locked, each with a key before it.
        loops: doorways beyond those that are needed, at most.
        boxes: n, boxes in each maze.
        seeds: one for each of the L mazes.
        device: of the tables.

    Raises:
        ValueError: there is no room for so many boxes.
    """
    drawn = [_Drawn(generate_maze(rooms, _CELLS, locks, loops, x)) for x in seeds]
    for maze, seed in zip(drawn, seeds, strict=True):
        maze.furnish(boxes, Random(f"{seed} furniture"))
    sizes = {"keys": locks, "doors": locks, "boxes": boxes}

    def table(name: str) -> Tensor:
        values = torch.tensor([getattr(x, name) for x in drawn])
        if name in sizes:  # also where there are none
            values = values.float().reshape(len(drawn), sizes[name], 2)
        return values.to(device)

    names = [x.name for x in fields(Plan) if x.name != "rooms"]
    return Plan(rooms, **{name: table(name) for name in names})


class _Drawn:
    """One maze in metres, as lists; see `Plan`."""

    def __init__(self, maze: Maze) -> None:
        self.maze, self.columns = maze, maze.rooms[1]
        self.num = maze.rooms[0] * maze.rooms[1]
        self.between = [[WALL] * 4 for _ in range(self.num)]
        self.offset = [[0.0] * 4 for _ in range(self.num)]
        doors: dict[int, Point] = {}
        for passage in maze.passages:
            side = 0 if passage.second == passage.first + 1 else 3
            off = _metres(passage.offset) * (-1 if side == 0 else 1)
            for room, way in ((passage.first, side), (passage.second, (side + 2) % 4)):
                self.between[room][way] = OPEN if passage.lock is None else passage.lock
                self.offset[room][way] = off
            if passage.lock is not None:
                doors[passage.lock] = self.doorway(passage.first, side)
        self.doors = [doors[i] for i in range(len(doors))]
        self.start, self.goal = self.at(maze.start), self.at(maze.goal)
        if self.num == 1:  # in a corner: out of reach of where episodes begin
            self.goal = copysign(_CORNER, self.goal[0]), copysign(_CORNER, self.goal[1])
        self.keys = [self.at(x) for x in maze.keys]
        self.boxes: list[Point] = []
        self.tv, self.tv_side = (0.0, 0.0), 0
        targets = [*(x.room for x in maze.keys), maze.goal.room]
        self.way = [self._ways(room, phase) for phase, room in enumerate(targets)]

    def middle(self, room: int) -> Point:
        return SIDE * (room % self.columns), -SIDE * (room // self.columns)

    def at(self, place: Place) -> Point:
        x, y = self.middle(place.room)
        return x + _metres(place.x), y - _metres(place.y)

    def doorway(self, room: int, side: int) -> Point:
        """The middle of a side's doorway; of the side itself where there is none."""
        (x, y), (down, right) = self.middle(room), WAYS[side]
        off = self.offset[room][side]
        x += SIDE / 2 * right + off * abs(down)
        return x, y - SIDE / 2 * down + off * abs(right)

    def furnish(self, boxes: int, random: Random) -> None:
        """Hang the television where episodes begin, and put boxes into rooms."""
        sides = [(r, i) for r in range(self.num) for i in range(4)]
        walls = [(r, i) for r, i in sides if self.between[r][i] == WALL]
        room = self.maze.start.room
        near = [i for r, i in walls if r == room]
        # one number of as many: boxes stand where they did in the runs of docs/rooms.md
        self.tv_side = near[random.randrange(len(walls)) % len(near)]
        (x, y), (down, right) = self.middle(room), WAYS[self.tv_side]
        inwards = SIDE / 2 - 0.14
        self.tv = x + inwards * right, y - inwards * down
        order: list[int] = []
        while len(self.boxes) < boxes:
            order = order or random.sample(range(self.num), self.num)
            room = order.pop()
            spots = list(self._spots(room))
            if spots:
                self.boxes.append(random.choice(spots))
            elif not any(map(any, map(self._spots, range(self.num)))):
                raise ValueError(
                    f"{self.num} rooms have no room for {boxes} boxes: ask for fewer"
                )

    def _spots(self, room: int) -> Iterator[Point]:
        """Where in a room another box would be in nobody's way."""
        x, y = self.middle(room)
        ways = [self.doorway(room, i) for i in range(4)]
        clear = [
            p for p, what in zip(ways, self.between[room], strict=True) if what > WALL
        ]
        clear.append(self.start)
        for dx in _SPOTS:
            for dy in _SPOTS:
                spot = x + dx, y + dy
                if min(_far(spot, p) for p in clear) < _CLEAR:
                    continue
                if all(
                    _far(spot, p) >= _APART
                    for p in (*self.boxes, *self.keys, self.goal)
                ):
                    yield spot

    def _ways(self, room: int, keys: int) -> list[int]:
        """From each room, the side through which `room` is reached soonest."""
        way = [HERE] * self.num
        queue, seen = deque([room]), {room}
        while queue:
            here = queue.popleft()
            for side, (down, right) in enumerate(WAYS):
                there = here + self.columns * down + right
                if WALL < self.between[here][side] < keys and there not in seen:
                    seen.add(there)
                    way[there] = (side + 2) % 4
                    queue.append(there)
        return way


def _metres(cell: int) -> float:
    """From the middle of a room to that of a cell."""
    return (cell - (_CELLS - 1) / 2) * SIDE / _CELLS


def _far(a: Point, b: Point) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])
