"""The key-and-door gridworld: the smallest sparse-reward exploration problem."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor
from torch.nn.functional import pad

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.overview import FromAboveConfig
from envs.tiles.tiles import mosaic, paint, stamp
from envs.vector_env import DiscreteActions, FactSpec

_PIXELS = 5  # per side of a cell

LEFT, RIGHT, FORWARD, PICKUP, TOGGLE = range(5)

_PALETTE = {
    "f": (34, 34, 42),  # floor
    "F": (44, 44, 54),
    "w": (112, 116, 128),  # wall
    "W": (148, 152, 164),
    "y": (250, 210, 60),  # key and door
    "Y": (170, 130, 30),
    "g": (60, 190, 90),  # goal
    "G": (130, 235, 150),
    "a": (235, 80, 70),  # agent
    "b": (0, 0, 0),  # strip for what the agent carries
}
_FLOOR, _WALL, _KEY, _LOCKED, _OPEN, _GOAL, _EMPTY, _CARRIED = range(8)
_GROUNDS = (
    "fffff fffff ffFff fffff fffff",
    "WWWWW wwwww wwwww wwwww wwwww",
    "fffff yyyff yfyyy yyyfy fffff",
    "YYYYY YyyyY YybyY YyyyY YYYYY",
    "YYYYY fffff fffff fffff YYYYY",
    "gGGGg GgggG GgGgG GgggG gGGGg",
    "bbbbb bbbbb bbbbb bbbbb bbbbb",
    "bbbbb yyybb ybyyy yyyby bbbbb",
)
# Nobody, then the agent looking right, down, left and up.
_AGENTS = (
    "..... ..... ..... ..... .....",
    "aa... aaaa. aaaaa aaaa. aa...",
    "aaaaa aaaaa .aaa. .aaa. ..a..",
    "...aa .aaaa aaaaa .aaaa ...aa",
    "..a.. .aaa. .aaa. aaaaa aaaaa",
)


class KeyDoorState(NamedTuple):
    """The agent, what it did, and the layout. A cell is `y * size + x`."""

    place: Int64[Tensor, "B"]
    heading: Int64[Tensor, "B"]  # 0 right, 1 down, 2 left, 3 up
    has_key: Bool[Tensor, "B"]
    door_open: Bool[Tensor, "B"]
    door: Int64[Tensor, "B"]  # its column is the wall between the rooms
    key: Int64[Tensor, "B"]
    goal: Int64[Tensor, "B"]


class KeyDoorWorld(NativeWorld[KeyDoorState]):
    """Two rooms, a wall between them, a locked door, its key, and a goal behind.

    The agent turns, walks, picks up the key in front of it and, with the key, opens
    the door in front of it. Reaching the goal gives 1 and ends the episode; nothing
    else is ever rewarded.

    On the standard layout the shortest way takes 25 steps, and random play gets there
    in 2 of 100,000 episodes of 120 steps (4 of 200,000; 25 % find the key and 0.6 %
    open the door). Varied layouts put things closer: 0.9 %.
    """

    actions = DiscreteActions(5, ("left", "right", "forward", "pickup", "toggle"))
    facts: ClassVar[dict[str, FactSpec]] = {
        **{name: FactSpec((), torch.int64, unit="tiles") for name in ("x", "y")},
        **{
            name: FactSpec((), torch.int64) for name in ("room", "has_key", "door_open")
        },
    }

    def __init__(self, config: "KeyDoorConfig", device: torch.device | str) -> None:
        size = config.size
        self.size = size
        self.obs_shape = (3, size * _PIXELS, (size + 1) * _PIXELS)
        self.max_episode_steps = config.max_episode_steps
        self._varied = config.varied_layouts
        # Everything looked up by cell or action lies on the device from the start.
        cell = torch.arange(size * size, device=device)
        self._x, self._y = cell % size, cell // size
        self._border = torch.zeros(size, size, dtype=torch.bool, device=device)
        self._border[[0, -1]] = self._border[:, [0, -1]] = True
        self._border = self._border.flatten()
        self._ahead = torch.tensor([1, size, -1, -size], device=device)
        self._turn = torch.tensor([-1, 1, 0, 0, 0], device=device)
        self._tiles = _draw_tiles().to(device)
        self._empty = _draw_empty(size).to(device)
        self._fixed = tuple(number.to(device) for number in _fixed_layout(config))

    def start(
        self, num_envs: int, generator: torch.Generator, previous: KeyDoorState | None
    ) -> KeyDoorState:
        """The fixed layout, or a new one for each env."""
        if self._varied:
            layout = _draw_layout(self.size, num_envs, generator)
        else:
            layout = _Layout(*[number.expand(num_envs) for number in self._fixed])
        never = torch.zeros_like(layout.place, dtype=torch.bool)
        return KeyDoorState(
            layout.place,
            layout.heading,
            never,
            never,
            layout.door,
            layout.key,
            layout.goal,
        )

    def transition(
        self,
        state: KeyDoorState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """Turn, walk, take or open; whatever is impossible changes nothing."""
        front = state.place + self._ahead[state.heading]
        at_door = front == state.door
        at_key = (front == state.key) & ~state.has_key
        has_key = state.has_key | (at_key & (action == PICKUP))
        door_open = state.door_open | (at_door & state.has_key & (action == TOGGLE))
        wall = self._border[front] | (self._x[front] == self._x[state.door]) & ~at_door
        free = ~(wall | at_key | (at_door & ~state.door_open))
        place = torch.where(free & (action == FORWARD), front, state.place)
        after = state._replace(
            place=place,
            heading=(state.heading + self._turn[action]) % 4,
            has_key=has_key,
            door_open=door_open,
        )
        reached = place == state.goal
        return Outcome(after, reached.float(), reached)

    def render(self, state: KeyDoorState) -> UInt8[Tensor, "B C H W"]:
        """The whole grid, and at its right a strip with what the agent carries."""
        frame = self._empty.index_select(0, self._x[state.door])
        at_door, at_goal = state.place == state.door, state.place == state.goal
        here = torch.where(at_door, _OPEN, torch.where(at_goal, _GOAL, _FLOOR))
        cells = torch.stack([state.door, state.key, state.goal, state.place], 1)
        grounds = torch.stack(
            [
                torch.where(state.door_open, _OPEN, _LOCKED),
                torch.where(state.has_key, _FLOOR, _KEY),
                torch.full_like(here, _GOAL),
                here,
                torch.where(state.has_key, _CARRIED, _EMPTY),
            ],
            1,
        )
        agent = (1 + state.heading).unsqueeze(1) * (cells == state.place.unsqueeze(1))
        # The last stamp is the top of the strip, where nobody can stand.
        tiles = grounds * len(_AGENTS) + pad(agent, (0, 1))
        x = pad(self._x[cells], (0, 1), value=self.size)
        stamp(frame, self._tiles, tiles, x, pad(self._y[cells], (0, 1)))
        return frame

    @property
    def above_shape(self) -> tuple[int, int, int]:
        """Of a frame."""
        return self.obs_shape

    def above(self, state: KeyDoorState) -> UInt8[Tensor, "B 3 H W"]:
        """The frame, which hides nothing."""
        return self.render(state)

    def describe(self, state: KeyDoorState) -> dict[str, Tensor]:
        """Where the agent is, on which side of the wall, and what it achieved."""
        x = self._x[state.place]
        return {
            "x": x,
            "y": self._y[state.place],
            "room": (x > self._x[state.door]).long(),
            "has_key": state.has_key.long(),
            "door_open": state.door_open.long(),
        }


@dataclass(frozen=True)
class KeyDoorConfig:
    """A key, a locked door and a goal behind it: the smallest hard exploration."""

    size: int = 8
    """Cells per side of the grid, walls included; at least 5."""
    max_episode_steps: int = 120
    """Steps until an episode is cut off; with 200, luck helps 30 times as often."""
    layout_seed: int | None = None
    """Draws another fixed layout; None is the standard one."""
    varied_layouts: bool = False
    """Draws a new layout for every episode."""

    def __post_init__(self) -> None:
        if self.size < 5:
            raise ValueError(f"size must be at least 5, not {self.size}")
        if self.varied_layouts and self.layout_seed is not None:
            raise ValueError("layout_seed fixes a layout: leave varied_layouts off")

    def with_overview(self) -> FromAboveConfig:
        """See `OverlookedWorld`."""
        return FromAboveConfig(self)

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B worlds on a device."""
        return NativeVectorEnv(KeyDoorWorld(self, device), num_envs, device)


class _Layout(NamedTuple):
    place: Int64[Tensor, "B"]
    heading: Int64[Tensor, "B"]
    door: Int64[Tensor, "B"]
    key: Int64[Tensor, "B"]
    goal: Int64[Tensor, "B"]


def _fixed_layout(config: KeyDoorConfig) -> _Layout:
    size, far = config.size, config.size - 2
    if config.layout_seed is not None:
        seeded = torch.Generator().manual_seed(config.layout_seed)
        return _draw_layout(size, 1, seeded)
    # Key and door at opposite ends of the first room, door and goal of the second.
    cells = (size + 1, 0, size + size // 2, far * size + 1, far * size + far)
    return _Layout(*torch.tensor(cells).view(-1, 1))


def _draw_layout(size: int, num_envs: int, generator: torch.Generator) -> _Layout:
    """Everything uniform, except that no two things share a cell."""
    inner = size - 2
    draws = torch.randint(
        2**31 - 1, (6, num_envs), generator=generator, device=generator.device
    )

    def below(i: int, bound: int | Tensor) -> Tensor:
        return draws[i] % bound

    column = 2 + below(0, inner - 2)  # leaves a column on both sides
    before, behind = column - 1, size - 2 - column
    door = (1 + below(1, inner)) * size + column
    key = below(2, before * inner)
    # Drawn among one cell fewer, and moved past the key: never on it.
    place = below(3, before * inner - 1)
    place = place + (place >= key)
    goal = below(4, behind * inner)

    def cell(number: Tensor, width: Tensor, left: int | Tensor) -> Tensor:
        return (1 + number // width) * size + left + number % width

    return _Layout(
        cell(place, before, 1),
        below(5, 4),
        door,
        cell(key, before, 1),
        cell(goal, behind, column + 1),
    )


def _draw_tiles() -> UInt8[Tensor, "num 3 p p"]:
    """Every ground without and with the agent: tile `ground * 5 + agent`."""
    return torch.stack(
        [
            paint(agent, _PALETTE, under=paint(ground, _PALETTE))
            for ground in _GROUNDS
            for agent in _AGENTS
        ]
    )


def _draw_empty(size: int) -> UInt8[Tensor, "size 3 height width"]:
    """For each column of the inner wall: the grid without anything in it."""
    ground = torch.full((size, size, size + 1), _FLOOR)
    column = torch.arange(size)
    ground[column, :, column] = _WALL
    ground[:, [0, -1]] = ground[:, :, [0, -2]] = _WALL
    ground[:, :, -1] = _EMPTY
    return mosaic(_draw_tiles(), ground * len(_AGENTS))
