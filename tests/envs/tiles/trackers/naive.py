"""The tracker maze once more: one env, plain Python, from a map drawn in letters."""

from collections.abc import Mapping, Sequence

# Walls, where the agent begins, trackers, blocks; `o` are trackers on the way.
# Cells are counted from the corner of the first room, as the facts are.
ROWS = (
    "#.....#....o......#....oB.....#",
    "#.....#.....#.....#.....#.....#",
    "#A....#..T..#..T..#..T..#..T..#",
    "#.....#.....#.....#.....#.....#",
    "#...........#....oB.....#....o#",
)
MOVES = {0: (0, 0), 1: (0, -1), 2: (0, 1), 3: (-1, 0), 4: (1, 0)}
# Every tracker in the middle of a room, past both blocks.
WAY = (
    *(2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 1, 1),  # the first tracker
    *(1, 1, 4, 4, 4, 4, 4, 4, 2, 2),  # the second
    *(2, 2, 4, 4, 4, 4, 1, 1, 4, 4),  # the third, behind the first block
    *(1, 1, 4, 4, 4, 4, 2, 2, 4, 4),  # the last, behind the second
)
Cell = tuple[int, int]  # x, y


def find(letter: str) -> list[Cell]:
    found = [
        (x - 1, y)
        for y, row in enumerate(ROWS)
        for x, other in enumerate(row)
        if other == letter
    ]
    return sorted(found)


class NaiveMaze:
    """One env that is played by its rules; movers are put where they are."""

    def __init__(self, on_the_way: bool = False) -> None:
        self.trackers = find("o" if on_the_way else "T")
        self.begin()

    def begin(self) -> None:
        [self.place] = find("A")
        self.blocks = find("B")
        self.reached: set[Cell] = set()
        self.rooms = {0}
        self.told = {"tracker": False, "new_room": False}
        self.told |= {"bumped": False, "noop": False}

    @staticmethod
    def wall(cell: Cell) -> bool:
        x, y = cell
        return not (0 <= y < 5 and 0 <= x < 29) or ROWS[y][x + 1] == "#"

    @property
    def room(self) -> int:
        return self.place[0] // 6

    def step(self, action: int) -> None:
        dx, dy = MOVES[action]
        aim = (self.place[0] + dx, self.place[1] + dy)
        bumped = self.wall(aim)
        if aim in self.blocks:
            to = (aim[0] + dx, aim[1] + dy)
            bumped = self.wall(to) or to in self.blocks or to in self.trackers
            if not bumped:
                self.blocks[self.blocks.index(aim)] = to
        if not bumped:
            self.place = aim
        found = self.place in self.trackers and self.place not in self.reached
        entered = self.room > max(self.rooms)
        if found:
            self.reached.add(self.place)
        self.rooms.add(self.room)
        self.told = {"tracker": found, "new_room": entered}
        self.told |= {"bumped": bumped, "noop": action == 0}

    def seen(self) -> list[Cell]:
        x, y = self.place
        return [(x + dx, y + dy) for dy in range(-2, 3) for dx in range(-2, 3)]

    def view(
        self, floor: Mapping[Cell, Sequence[int]], movers: Sequence[Cell]
    ) -> list[float]:
        """Eight numbers per cell."""
        numbers: list[float] = []
        for cell in self.seen():
            wall, mover, tracker = (
                self.wall(cell),
                cell in movers,
                cell in self.trackers,
            )
            gain = 2 if cell[0] >= 12 else 1
            bits = (0, 0, 0) if wall else floor[cell]
            numbers += [gain * (1 - x if mover else x) for x in bits]
            numbers += [wall, tracker and cell not in self.reached]
            numbers += [cell in self.reached, cell in self.blocks, 2 * mover]
        return numbers

    def facts(self, movers: Sequence[Cell]) -> dict[str, int]:
        near = any(cell in movers for cell in self.seen())
        return {
            "room": self.room,
            "x": self.place[0],
            "y": self.place[1],
            "deepest": max(self.rooms),
            "rooms": len(self.rooms),
            "trackers": len(self.reached),
            "mover_in_view": near,
            **self.told,
        }
