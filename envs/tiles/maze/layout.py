"""Generates mazes of rooms with locked doors that can always be solved.

Rooms form a grid and are numbered row by row. A spanning tree of passages is cut by
locked doors into zones, and the key to each next zone lies in one that is open by
then; loops are added only inside zones, so no way leads around a lock.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple


class Place(NamedTuple):
    """A cell of a room."""

    room: int
    x: int
    y: int


class Passage(NamedTuple):
    """An opening between two neighbouring rooms, the second right of or below.

    Attributes:
        first: a room.
        second: its neighbour.
        offset: the y (or x) of the opening in the shared wall.
        lock: which key opens it, or None where nothing is locked.
    """

    first: int
    second: int
    offset: int
    lock: int | None = None


@dataclass(frozen=True)
class Maze:
    """The static layout of a maze: rooms, passages, keys, doors."""

    rooms: tuple[int, int]
    room_size: int
    passages: tuple[Passage, ...]
    pillars: tuple[frozenset[tuple[int, int]], ...]
    start: Place
    keys: tuple[Place, ...]
    goal: Place

    def opening(self, passage: Passage) -> tuple[Place, Place]:
        """The two doorway cells of a passage, one in either room."""
        end, offset = self.room_size - 1, passage.offset
        if passage.second == passage.first + 1:
            return Place(passage.first, end, offset), Place(passage.second, 0, offset)
        return Place(passage.first, offset, end), Place(passage.second, offset, 0)


Pair = tuple[int, int]  # two neighbouring rooms, the smaller number first


def generate_maze(
    rooms: tuple[int, int], room_size: int, locks: int, loops: int, seed: int
) -> Maze:
    """Draw a maze.

    Args:
        rooms: rows and columns of rooms.
        room_size: cells per side of a room, its walls included.
        locks: locked doors, each with its own key.
        loops: additional open passages at most, where zones leave space for them.
        seed: equal seeds give equal mazes.
    """
    random = Random(seed)
    num = rooms[0] * rooms[1]
    tree = _spanning_tree(rooms, random)
    locked = _cuts(num, tree, locks)
    free = [pair for pair in tree if pair not in locked]
    zone = _zones(num, free)
    spare = [
        (a, b) for a, b in _pairs(rooms) if zone[a] == zone[b] and (a, b) not in tree
    ]
    free += random.sample(spare, min(loops, len(spare)))
    order, key_rooms, last = _hide_keys(zone, locked, random)
    passages = tuple(
        Passage(*pair, random.randrange(2, room_size - 2), lock)
        for pair, lock in [
            *((p, None) for p in free),
            *zip(order, range(locks), strict=True),
        ]
    )
    visits = first_visits(passages, key_rooms)
    goal_room = max((r for r in range(num) if zone[r] == last), key=visits.__getitem__)

    middle = room_size // 2
    start = Place(0, middle, middle)
    pillars = tuple(
        _pillars(room_size, random) if room != start.room else frozenset()
        for room in range(num)
    )
    taken = {start}

    def somewhere(room: int) -> Place:
        inside = range(2, room_size - 2)
        places = {Place(room, x, y) for x in inside for y in inside} - taken
        place = random.choice(sorted(p for p in places if p[1:] not in pillars[room]))
        taken.add(place)
        return place

    keys = tuple(somewhere(room) for room in key_rooms)
    return Maze(
        rooms, room_size, passages, pillars, start, keys, goal=somewhere(goal_room)
    )


def first_visits(
    passages: tuple[Passage, ...], key_rooms: Sequence[int]
) -> dict[int, int]:
    """How many room changes it takes at least to be in each room that can be reached.

    Begins in room 0; a key is in hand as soon as its room is entered.
    """

    def collect(room: int, keys: frozenset[int]) -> frozenset[int]:
        return keys | {key for key, place in enumerate(key_rooms) if place == room}

    begin = (0, collect(0, frozenset()))
    distance = {begin: 0}
    visits = {0: 0}
    queue = deque([begin])
    while queue:
        room, keys = queue.popleft()
        for passage in passages:
            if room not in passage[:2] or (
                passage.lock is not None and passage.lock not in keys
            ):
                continue
            other = passage.first + passage.second - room
            state = (other, collect(other, keys))
            if state not in distance:
                distance[state] = distance[room, keys] + 1
                visits.setdefault(other, distance[state])
                queue.append(state)
    return visits


def _pairs(rooms: tuple[int, int]) -> list[Pair]:
    rows, columns = rooms
    across = [(r, r + 1) for r in range(rows * columns) if (r + 1) % columns]
    return across + [(r, r + columns) for r in range((rows - 1) * columns)]


def _spanning_tree(rooms: tuple[int, int], random: Random) -> list[Pair]:
    """Depth first: long winding ways, few forks."""
    pairs = _pairs(rooms)
    tree: list[Pair] = []
    seen, way = {0}, [0]
    while way:
        here = way[-1]
        ahead = [p for p in pairs if here in p and sum(p) - here not in seen]
        if not ahead:
            way.pop()
            continue
        pair = random.choice(ahead)
        tree.append(pair)
        way.append(sum(pair) - here)
        seen.add(way[-1])
    return tree


def _zones(num: int, pairs: Iterable[Pair]) -> list[int]:
    """For each room the smallest room that it is joined with by `pairs`."""
    zone = list(range(num))
    for a, b in pairs:
        low, high = sorted((zone[a], zone[b]))
        zone = [low if z == high else z for z in zone]
    return zone


def _cuts(num: int, tree: list[Pair], count: int) -> list[Pair]:
    """Passages to lock, one after the other so that zones are as even as can be."""
    cuts: list[Pair] = []

    def unevenness(pair: Pair) -> int:
        rest = [other for other in tree if other != pair and other not in cuts]
        return sum(size**2 for size in Counter(_zones(num, rest)).values())

    for _ in range(count):
        cuts.append(min((pair for pair in tree if pair not in cuts), key=unevenness))
    return cuts


def _hide_keys(
    zone: list[int], locked: list[Pair], random: Random
) -> tuple[list[Pair], list[int], int]:
    """The order in which locks open, the rooms of their keys, and the last zone.

    A key lies in the zone that was opened last, so none can be left out.
    """
    newest, opened = zone[0], {zone[0]}
    order: list[Pair] = []
    key_rooms: list[int] = []
    for _ in locked:
        fresh = [
            room
            for room in range(len(zone))
            if zone[room] == newest and room not in key_rooms and room != 0
        ]
        key_rooms.append(random.choice(fresh or [newest]))
        frontier = [p for p in locked if len({zone[p[0]], zone[p[1]]} & opened) == 1]
        order.append(random.choice(frontier))
        (newest,) = {zone[room] for room in order[-1]} - opened
        opened.add(newest)
    return order, key_rooms, newest


def _pillars(size: int, random: Random) -> frozenset[tuple[int, int]]:
    """Cells walled up inside a room: the same in all four quarters, no pockets."""
    pillars: frozenset[tuple[int, int]] = frozenset()
    last = size - 1
    quarter = range(2, (size + 1) // 2)
    for _ in range(len(quarter)):
        x, y = random.choice(quarter), random.choice(quarter)
        more = pillars | {(a, b) for a in (x, last - x) for b in (y, last - y)}
        if _connected(size, more):
            pillars = more
    return pillars


def _connected(size: int, pillars: frozenset[tuple[int, int]]) -> bool:
    """Whether enough is left of the room, and all of it can be walked to."""
    inside = {(x, y) for x in range(1, size - 1) for y in range(1, size - 1)} - pillars
    seen, todo = {(1, 1)}, [(1, 1)]
    while todo:
        x, y = todo.pop()
        around = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} & inside - seen
        seen |= around
        todo += sorted(around)
    # Start, goal and keys lie at least one cell away from the walls.
    room_inside = sum(1 < x < size - 2 and 1 < y < size - 2 for x, y in inside)
    return seen == inside and room_inside >= 3
