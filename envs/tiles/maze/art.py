"""Renders mazes of rooms: every cell of every room as the number of a tile."""

from dataclasses import dataclass

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.nn.functional import pad

from envs.tiles.maze.layout import Maze
from envs.tiles.tiles import Colour, mosaic, paint, resize, shade

MAX_LOCKS = 6
MAX_ROOMS = 10_000
_KEY_COLOURS: tuple[Colour, ...] = (
    (255, 72, 72),  # red
    (70, 190, 255),  # blue
    (90, 230, 90),  # green
    (255, 120, 235),  # pink
    (255, 150, 40),  # orange
    (60, 235, 210),  # turquoise
)
STRIP_HEIGHT = 4
_GOLDEN = 0.618034  # hues that many turns apart never come close to each other

# f and F are a room's floor, darker and lighter.
_FLOORS = (
    "fffff fffff ffFff fffff fffff",
    "fffff fffff fffff fffff FFFFF",
    "Fffff fFfff ffFff fffFf ffffF",
    "FFFff FFFff FFFff fffff fffff",
)
# t is the top of a wall, u its edge, w and v the bricks of its front.
_TOPS = (
    "ttttt ttttt ttutt ttttt ttttt",
    "ttttt tuttt ttttt tttut ttttt",
    "ttttt ttttt ttttt ttttt uuuuu",
)
_FRONTS = (
    "ttttt uuuuu wwwvw vvvvv wvwww",
    "ttttt uuuuu wvwvw wvwvw wvwvw",
    "ttttt uuuuu wwwww vvvvv wwwww",
)
_SHADOW = "sssss ..... ..... ..... ....."  # below a wall
_KEY = "..... kkk.. k.kkk kkk.k ....."
_LOCKED = "ddddd dkkkd dk.kd dkkkd ddddd"
# What is left of a door when it is open: two posts.
_POSTS_ACROSS = "ddddd ..... ..... ..... ddddd"
_POSTS_DOWN = "d...d d...d d...d d...d d...d"
_GOAL = "..... g.g.g ggggg gjgjg ggggg"
_AGENT = ".ooo. oeoeo ooooo ooooo o.o.o"
_ICON = "kkk.... k.kkkkk kkk.k.k ......."
_FIXED = {
    "g": (255, 215, 70),
    "j": (220, 40, 60),
    "o": (250, 250, 250),
    "e": (20, 20, 30),
}


@dataclass(frozen=True)
class MazeArt:
    """Tables to draw any state of a maze by looking up.

    Attributes:
        tiles: the pictures. Tile `i + 1` is tile `i` with the agent on it.
        before: the tile of each cell of each room at first.
        after: the tile once the cell's switch is on.
        switch: which of the flags (keys taken, doors opened, a flag that is never on)
            changes the cell.
        slots: the cells of each room that can change (or else any cell).
        frames: each room with its doors open and its keys taken, and above it an empty
            strip. The room begins `STRIP_HEIGHT` from the top and `left` from the left.
        left: see `frames`.
        strip: the strip for each set of keys in hand (key `k` counts `2**k`).
    """

    tiles: UInt8[Tensor, "num 3 p p"]
    before: Int64[Tensor, "rooms cells"]
    after: Int64[Tensor, "rooms cells"]
    switch: Int64[Tensor, "rooms cells"]
    slots: Int64[Tensor, "rooms slots"]
    frames: UInt8[Tensor, "rooms 3 side side"]
    left: int
    strip: UInt8[Tensor, "sets 3 strip side"]


def draw_maze(maze: Maze, side: int) -> MazeArt:
    """Draw all rooms of a maze for frames of `side` x `side` pixels."""
    size, locks = maze.room_size, len(maze.keys)
    num = maze.rooms[0] * maze.rooms[1]
    rooms = [_draw_room(maze, room) for room in range(num)]
    switch = torch.full((num, size * size), 2 * locks)
    changed = [list(cells) for cells in rooms]
    for number, place in enumerate(maze.keys):
        cell = place.y * size + place.x
        under = rooms[place.room][cell]
        rooms[place.room][cell] = paint(_KEY, {"k": _KEY_COLOURS[number]}, under)
        switch[place.room, cell] = number
    for passage in maze.passages:
        if passage.lock is None:
            continue
        colour = _KEY_COLOURS[passage.lock]
        dim = (colour[0] // 2, colour[1] // 2, colour[2] // 2)
        palette = {"k": colour, "d": dim}
        across = passage.second == passage.first + 1
        posts = _POSTS_ACROSS if across else _POSTS_DOWN
        for place in maze.opening(passage):
            cell = place.y * size + place.x
            under = rooms[place.room][cell]
            rooms[place.room][cell] = paint(_LOCKED, palette, under * 0)
            changed[place.room][cell] = paint(posts, {"d": colour}, under)
            switch[place.room, cell] = locks + passage.lock
    goal = maze.goal.y * size + maze.goal.x
    for cells in (rooms, changed):
        cells[maze.goal.room][goal] = paint(_GOAL, _FIXED, cells[maze.goal.room][goal])
    book = _TileBook()
    before = torch.tensor([[book.number(t) for t in cells] for cells in rooms])
    after = torch.tensor([[book.number(t) for t in cells] for cells in changed])
    tiles = resize(book.tiles(), (side - STRIP_HEIGHT) // size)
    pictures = mosaic(tiles, after.view(num, size, size))
    # What is left of the frame continues the walls, so that no bars appear.
    spare_wide, spare_high = (side - pictures.shape[3], side - pictures.shape[2])
    left, below = spare_wide // 2, spare_high - STRIP_HEIGHT
    frames = pad(
        pictures.float(), (left, spare_wide - left, 0, below), mode="replicate"
    ).byte()
    strip = _draw_strips(locks, side)
    frames = torch.cat([strip[:1].expand(num, -1, -1, -1), frames], dim=2)
    # Which cells change, those first; rooms with fewer of them fill up with others.
    count = max(1, int((before != after).sum(1).max()))
    slots = (before != after).int().topk(count, dim=1).indices
    return MazeArt(tiles, before, after, switch, slots, frames, left, strip)


class _TileBook:
    """Numbers different tiles, each followed by itself with the agent on it."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._tiles: list[Tensor] = []

    def number(self, tile: UInt8[Tensor, "3 p p"]) -> int:
        name = tile.numpy().tobytes()
        if name not in self._numbers:
            self._numbers[name] = len(self._tiles)
            self._tiles += [tile, paint(_AGENT, _FIXED, tile)]
        return self._numbers[name]

    def tiles(self) -> UInt8[Tensor, "num 3 p p"]:
        return torch.stack(self._tiles)


def _draw_room(maze: Maze, room: int) -> list[Tensor]:
    """Walls, pillars and floor, each room with its own hue and pattern."""
    size = maze.room_size
    hue = 0.58 + room * _GOLDEN
    palette = {
        "f": shade(hue, 0.45, 0.20),
        "F": shade(hue, 0.45, 0.26),
        "s": shade(hue, 0.50, 0.10),
        "t": shade(hue, 0.42, 0.66),
        "u": shade(hue, 0.30, 0.82),
        "w": shade(hue, 0.52, 0.46),
        "v": shade(hue, 0.55, 0.36),
    }
    floor = paint(_FLOORS[room % len(_FLOORS)], palette)
    shadow = paint(_SHADOW, palette, floor)
    top = paint(_TOPS[room % len(_TOPS)], palette)
    front = paint(_FRONTS[room // 2 % len(_FRONTS)], palette)
    walls = wall_cells(maze, room)

    def tile(x: int, y: int) -> Tensor:
        if (x, y) in walls:
            return top if (x, y + 1) in walls or y + 1 == size else front
        return shadow if (x, y - 1) in walls else floor

    return [tile(x, y) for y in range(size) for x in range(size)]


def wall_cells(maze: Maze, room: int) -> set[tuple[int, int]]:
    """Cells (x, y) of a room that nobody can ever enter."""
    size = maze.room_size
    around = {(x, y) for x in range(size) for y in range(size)} - {
        (x, y) for x in range(1, size - 1) for y in range(1, size - 1)
    }
    doorways = {p for passage in maze.passages for p in maze.opening(passage)}
    return (around - {(p.x, p.y) for p in doorways if p.room == room}) | set(
        maze.pillars[room]
    )


def _draw_strips(locks: int, width: int) -> UInt8[Tensor, "sets 3 4 width"]:
    """One strip for each set of keys in hand, every key in its own place."""
    strips = torch.full((2**locks, 3, STRIP_HEIGHT, width), 12, dtype=torch.uint8)
    for number in range(locks):
        icon = paint(_ICON, {"k": _KEY_COLOURS[number]}, strips[0, :, :, :7])
        left = 2 + number * (width - 2) // MAX_LOCKS
        held = (torch.arange(2**locks) >> number) % 2 == 1
        strips[held, :, :, left : left + icon.shape[-1]] = icon
    return strips
