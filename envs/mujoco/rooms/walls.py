"""The walls that can be seen from a room: its own, and those of its neighbours."""

from collections.abc import Iterator
from colorsys import hsv_to_rgb
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.mujoco.rooms.plan import DOORWAY, OPEN, SIDE, WALL, WAYS, Plan
from envs.mujoco.walking.indoors import HIGH

THICK = 0.1
"""half of a wall, in metres"""
LOCKS = (
    (0.9, 0.2, 0.2),
    (0.25, 0.45, 0.95),
    (0.25, 0.8, 0.3),
    (0.95, 0.8, 0.2),
    (0.8, 0.3, 0.85),
    (0.25, 0.85, 0.85),
)
"""colours of locked doors and their keys"""
AWAY = -50.0
"""metres below the floor, where whatever is not there is kept"""
_PAINTED = "leads"
_NOTHING = (0.0, 0.0, 0.0, 0.0)
_DARK = (0.05, 0.05, 0.06)
_SHADES = (1.0, 0.86, 0.72, 0.93)  # of the four sides, so that they can be told apart
_LONG = (SIDE / 2 + 1.0 - DOORWAY / 2) / 2  # half a piece of wall beside a doorway
_IN_FRONT = 0.01  # metres by which a neighbour's walls hide pieces that reach that far


class Around(NamedTuple):
    """Walls and doors as they are around each walker."""

    place: Float32[Tensor, "B M 3"]
    rgba: Float32[Tensor, "B M 4"]


class _Piece(NamedTuple):
    """A geom, and what it is for whoever is in one room: see `Walls`."""

    name: str
    size: tuple[float, float, float]
    place: tuple[float, float]
    open: tuple[float, ...]  # its colour when its lock is open
    shut: tuple[float, ...]  # and when it is not
    lock: int  # K where there is none
    gate: int  # the lock that must be open for it to be there at all


@final
class Walls:
    """M pieces that are put around whoever is in a room, and moved when it leaves.

    So a scene has as many geoms for one room as for a hundred, and mazes may differ
    from world to world. On each side of the room there are two pieces of wall with a
    doorway between them, and a door; in each neighbour, that can be reached, three
    walls, each with a panel where it has a doorway: of the colour of its door, if that
    is locked, or dark. So one sees into the next room, and not into the one behind it.
    Pieces are long enough for any doorway; where they reach into a neighbour, its own
    walls hide them.

    Args:
        plan: the mazes.
        device: of the tables.

    Attributes:
        names: of bodies and their geoms, in order.
        bodies: their XML, which goes into a scene's `worldbody`.
    """

    def __init__(self, plan: Plan, device: torch.device | str) -> None:
        between, offset = plan.between.tolist(), plan.offset.tolist()
        rooms = [
            list(_pieces(plan, between[i], offset[i], room))
            for i in range(plan.num_layouts)
            for room in range(plan.num_rooms)
        ]
        self.names = tuple(x.name for x in rooms[0])
        self.bodies = "".join(_body(x) for x in rooms[0])
        self._num_rooms = plan.num_rooms

        def table(name: str) -> Tensor:
            return torch.tensor(
                [[getattr(x, name) for x in room] for room in rooms], device=device
            )

        place = table("place")
        high = torch.full_like(place[..., :1], HIGH / 2)
        self._place = torch.cat([place, high], -1)
        self._open, self._shut = table("open"), table("shut")
        self._lock, self._gate = table("lock"), table("gate")

    def around(
        self,
        maze: Int64[Tensor, "B"],
        room: Int64[Tensor, "B"],
        opened: Bool[Tensor, "B K"],
    ) -> Around:
        """Where pieces are and how they look, for walkers in rooms of mazes.

        Args:
            maze: number of the layout.
            room: where each walker is.
            opened: which doors are not locked any more.
        """
        row = maze * self._num_rooms + room
        # Behind the locks is the one that stands for none: it is always open.
        free = torch.cat([opened, torch.ones_like(maze, dtype=torch.bool)[:, None]], 1)
        lock = free.gather(1, self._lock[row])
        rgba = torch.where(lock.unsqueeze(-1), self._open[row], self._shut[row])
        there = free.gather(1, self._gate[row]) & (rgba[..., 3] > 0)
        x, y, z = self._place[row].unbind(-1)
        place = torch.stack([x, y, torch.where(there, z, AWAY)], -1)
        return Around(place, rgba * there.unsqueeze(-1))


def colour(room: int, side: int) -> tuple[float, float, float]:
    """Of a room's wall on one of its sides: neighbours differ in hue."""
    hue, pale = room * 0.618 % 1, 0.35 + 0.45 * (room * 0.382 % 1)
    return hsv_to_rgb(hue, pale, 0.9 * _SHADES[side])


def _pieces(
    plan: Plan, between: list[list[int]], offset: list[list[float]], room: int
) -> Iterator[_Piece]:
    """All that is put around whoever is in a room of a maze."""
    none = plan.num_locks
    columns = plan.rooms[1]
    for side, (down, right) in enumerate(WAYS):
        what = between[room][side]
        own = _Side(columns, room, side, offset[room][side])
        paint = (*colour(room, side), 1.0)
        gap = DOORWAY / 2 if what > WALL else 0.0
        for end in (-1, 1):
            place = own.at((own.off if what > WALL else 0.0) + end * (gap + _LONG))
            size = own.size(THICK, _LONG)
            yield _Piece(f"wall {side} {end}", size, place, paint, paint, none, none)
        locked = what > OPEN
        shut = (*LOCKS[what % len(LOCKS)], 1.0 if locked else 0.0)
        size = own.size(0.5 * THICK, DOORWAY / 2)
        lock = what if locked else none
        place = own.at(own.off)
        yield _Piece(f"door {side}", size, place, _NOTHING, shut, lock, none)
        there = what > WALL
        beyond = room + columns * down + right if there else room
        for further in range(4):
            if further == (side + 2) % 4:
                continue
            name = f"{side} {further}"
            other = _Side(columns, beyond, further, offset[beyond][further])
            size = other.size(THICK + _IN_FRONT, SIDE / 2)
            paint = (*colour(beyond, further), 1.0 if there else 0.0)
            place = other.at(0.0)
            yield _Piece(f"beyond {name}", size, place, paint, paint, none, lock)
            leads = between[beyond][further]
            seen = 1.0 if there and leads > WALL else 0.0
            dark, shut = (*_DARK, seen), (*LOCKS[leads % len(LOCKS)], seen)
            size = other.size(THICK + 2 * _IN_FRONT, DOORWAY / 2)
            behind = leads if leads > OPEN else none
            place = other.at(other.off)
            yield _Piece(f"{_PAINTED} {name}", size, place, dark, shut, behind, lock)


class _Side(NamedTuple):
    """A side of a room, to put things along."""

    columns: int
    room: int
    side: int
    off: float  # metres from its middle to its doorway

    def at(self, along: float) -> tuple[float, float]:
        """So many metres from its middle, along x or y."""
        down, right = WAYS[self.side]
        x = SIDE * (self.room % self.columns) + SIDE / 2 * right + along * abs(down)
        y = -SIDE * (self.room // self.columns) - SIDE / 2 * down + along * abs(right)
        return x, y

    def size(self, across: float, along: float) -> tuple[float, float, float]:
        """Of a box that stands in it."""
        if self.side % 2 == 0:
            return across, along, HIGH / 2
        return along, across, HIGH / 2


def _body(piece: _Piece) -> str:
    size = " ".join(f"{x:.4g}" for x in piece.size)
    # What shows where a neighbour leads to is painted on its wall, which is met.
    met = int(not piece.name.startswith(_PAINTED))
    return (
        f'<body name="{piece.name}" mocap="true"><geom name="{piece.name}" type="box" '
        f'size="{size}" condim="1" contype="{met}" conaffinity="{met}"/></body>'
    )
