"""The pixel maze: a gridworld of rooms with keys and locked doors, one in view."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.overview import FromAboveConfig
from envs.tiles.maze.art import (
    MAX_LOCKS,
    MAX_ROOMS,
    STRIP_HEIGHT,
    draw_maze,
    wall_cells,
)
from envs.tiles.maze.layout import Place, generate_maze
from envs.tiles.tiles import mosaic, resize, stamp
from envs.vector_env import DiscreteActions, FactSpec

_SIDE = 64  # pixels of the frame
_ABOVE = 320  # pixels that the map has at most, unless it has more cells
_NONE = -1  # no key or lock in a cell

NOOP, UP, RIGHT, DOWN, LEFT = range(5)
_MOVES = ((0, 0), (0, -1), (1, 0), (0, 1), (-1, 0))


class PixelMazeState(NamedTuple):
    """Where the agent is and what it has done."""

    room: Int64[Tensor, "B"]
    x: Int64[Tensor, "B"]
    y: Int64[Tensor, "B"]
    taken: Bool[Tensor, "B locks"]
    opened: Bool[Tensor, "B locks"]
    visited: Bool[Tensor, "B rooms"]


class PixelMazeWorld(NativeWorld[PixelMazeState]):
    """Rooms joined by passages, some of them locked; a crown in the last zone.

    The agent sees the room that it is in, and above it the keys in its hand. It takes
    a key by stepping on it, and opens a locked door by walking against it with the key
    of its colour, which stays in the door. The crown gives 1 and ends the episode.

    Random play sees 1.7 of the 16 standard rooms in an episode of 1,000 steps, and 4
    in 128 such episodes together; the crown, 213 steps away, it never saw.
    """

    obs_shape = (3, _SIDE, _SIDE)
    actions = DiscreteActions(5, ("noop", "up", "right", "down", "left"))
    facts: ClassVar[dict[str, FactSpec]] = {
        "room": FactSpec((), torch.int64),
        "x": FactSpec((), torch.int64, unit="tiles"),
        "y": FactSpec((), torch.int64, unit="tiles"),
        "keys": FactSpec((), torch.int64, tally=True),
        "rooms": FactSpec((), torch.int64, tally=True),
    }
    asides = ("visited",)

    def __init__(self, config: "PixelMazeConfig", device: torch.device | str) -> None:
        self.max_episode_steps = config.max_episode_steps
        self._slip, self._key_reward = config.slip, config.key_reward
        self._size = size = config.room_size
        self._columns = config.rooms[1]
        self._num_keys = config.locks
        self.maze = maze = generate_maze(
            config.rooms, size, config.locks, config.loops, config.layout_seed
        )
        self._num_rooms = num = config.rooms[0] * config.rooms[1]

        def cells(places: dict[Place, int]) -> Int64[Tensor, "cells"]:
            table = torch.full((num, size, size), _NONE)
            for place, number in places.items():
                table[place.room, place.y, place.x] = number
            return table.flatten().to(device)

        # Tables over all cells of all rooms; everything is looked up, nothing branches.
        blocked = {
            Place(room, x, y): 0
            for room in range(num)
            for x, y in wall_cells(maze, room)
        }
        self._wall = cells(blocked) != _NONE
        self._lock_at = cells(
            {
                place: passage.lock
                for passage in maze.passages
                if passage.lock is not None
                for place in maze.opening(passage)
            }
        )
        self._key_at = cells({place: key for key, place in enumerate(maze.keys)})
        self._goal_at = cells({maze.goal: 0}) != _NONE
        self._moves = torch.tensor(_MOVES, device=device)

        art = draw_maze(maze, _SIDE)
        self._left, pixels = art.left, art.tiles.shape[-1]
        self._right, self._bottom = (
            art.left + pixels * size,
            STRIP_HEIGHT + pixels * size,
        )
        self._tiles, self._frames = art.tiles.to(device), art.frames.to(device)
        self._before, self._after = art.before.to(device), art.after.to(device)
        self._switch, self._slots = art.switch.to(device), art.slots.to(device)
        self._strip = art.strip.to(device)
        rows, columns = config.rooms
        self._rooms, cells_across = config.rooms, size * max(rows, columns)
        self._map_tile = max(1, min(pixels, _ABOVE // cells_across))

    def start(
        self,
        num_envs: int,
        generator: torch.Generator,
        previous: PixelMazeState | None,
    ) -> PixelMazeState:
        """In the middle of the first room, with nothing."""
        device = generator.device
        room, x, y = (
            torch.full((num_envs,), number, device=device) for number in self.maze.start
        )
        none = torch.zeros((num_envs, self._num_keys), dtype=torch.bool, device=device)
        return PixelMazeState(room, x, y, none, none, self._in(room))

    def transition(
        self,
        state: PixelMazeState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """Step, or open what is in the way; then take what lies there."""
        if self._slip > 0:
            action = self._slipped(action, generator)
        size = self._size
        dx, dy = self._moves[action].unbind(1)
        x, y = state.x + dx, state.y + dy
        # Only a passage lets anybody out of the room, into the room next to it.
        room = state.room + _floor(x, size) + self._columns * _floor(y, size)
        x, y = x % size, y % size
        cell = (room * size + y) * size + x
        number = torch.arange(self._num_keys, device=action.device)
        lock = self._lock_at[cell].unsqueeze(1) == number
        shut = (lock & ~state.opened).any(1)
        free = ~(self._wall[cell] | shut)
        key = (self._key_at[cell].unsqueeze(1) == number) & ~state.taken
        found = key & free.unsqueeze(1)
        room = torch.where(free, room, state.room)
        after = PixelMazeState(
            room,
            torch.where(free, x, state.x),
            torch.where(free, y, state.y),
            state.taken | found,
            state.opened | (lock & state.taken),
            state.visited | self._in(room),
        )
        reached = self._goal_at[cell] & free
        return Outcome(after, reached + self._key_reward * found.sum(1), reached)

    def _in(self, room: Int64[Tensor, "B"]) -> Bool[Tensor, "B rooms"]:
        return torch.arange(self._num_rooms, device=room.device) == room.unsqueeze(1)

    def _slipped(
        self, action: Int64[Tensor, "B"], generator: torch.Generator
    ) -> Int64[Tensor, "B"]:
        shape, device = action.shape, action.device
        slips = torch.rand(shape, generator=generator, device=device) < self._slip
        other = torch.randint(1, 5, shape, generator=generator, device=device)
        return torch.where(slips, other, action)

    def render(self, state: PixelMazeState) -> UInt8[Tensor, "B C H W"]:
        """The agent's room, below a strip with the keys in its hand."""
        room = state.room.unsqueeze(1)
        here = (state.y * self._size + state.x).unsqueeze(1)
        cells = torch.cat([self._slots[state.room], here], 1)
        never = torch.zeros_like(room, dtype=torch.bool)
        flags = torch.cat([state.taken, state.opened, never], 1)
        on = flags.gather(1, self._switch[room, cells])
        tiles = torch.where(on, self._after[room, cells], self._before[room, cells])
        frame = self._frames.index_select(0, state.room)
        stamp(
            frame[:, :, STRIP_HEIGHT : self._bottom, self._left : self._right],
            self._tiles,
            tiles + (cells == here),
            cells % self._size,
            torch.div(cells, self._size, rounding_mode="floor"),
        )
        if self._num_keys:
            number = torch.arange(self._num_keys, device=here.device)
            held = ((state.taken & ~state.opened).long() << number).sum(1)
            frame[:, :, :STRIP_HEIGHT] = self._strip.index_select(0, held)
        return frame

    @property
    def above_shape(self) -> tuple[int, int, int]:
        """All rooms, in smaller tiles where there are many."""
        rows, columns = self._rooms
        side = self._size * self._map_tile
        return (3, rows * side, columns * side)

    def above(self, state: PixelMazeState) -> UInt8[Tensor, "B 3 H W"]:
        """All rooms with what is in them now; those not visited yet are darker."""
        num, cells = len(state.room), self._size**2
        never = torch.zeros(num, 1, dtype=torch.bool, device=state.room.device)
        flags = torch.cat([state.taken, state.opened, never], 1)
        on = flags[:, self._switch]  # [B, rooms, cells]
        tiles = torch.where(on, self._after, self._before)
        here = state.room * cells + state.y * self._size + state.x
        tiles.view(num, -1).scatter_add_(
            1, here.unsqueeze(1), torch.ones_like(here).unsqueeze(1)
        )  # tile i + 1 is tile i with the agent on it
        rows, columns = self._rooms
        grid = tiles.view(num, rows, columns, self._size, self._size)
        index = grid.transpose(2, 3).reshape(num, rows * self._size, -1)
        small = resize(self._tiles, self._map_tile)
        picture = mosaic(small, index)
        side = self._size * self._map_tile
        known = state.visited.view(num, 1, rows, columns)
        known = known.repeat_interleave(side, 2).repeat_interleave(side, 3)
        return torch.where(known, picture, picture // 2)

    def describe(self, state: PixelMazeState) -> dict[str, Tensor]:
        """Room, cell within the room, and how many keys and rooms were found so far."""
        return {
            "room": state.room,
            "x": state.x,
            "y": state.y,
            "keys": state.taken.sum(1),
            "rooms": state.visited.sum(1),
        }


@dataclass(frozen=True)
class PixelMazeConfig:
    """Rooms, keys and locked doors in 64 x 64 pixels: wide and deep exploration."""

    rooms: tuple[int, int] = (4, 4)
    """Rows and columns of rooms."""
    room_size: int = 12
    """Cells per side of a room, its walls included: 6 to 20; 6, 10 and 12 look best."""
    locks: int = 3
    """Locked doors, each with a key of its colour somewhere before it (at most 6)."""
    loops: int = 2
    """Open passages beyond those that are needed to get everywhere (at most)."""
    layout_seed: int = 0
    """Draws the maze; the same in all envs and episodes."""
    slip: float = 0.0
    """Probability that a step goes into a random direction."""
    key_reward: float = 0.0
    """Reward for each key that is found."""
    max_episode_steps: int = 1_000
    """Steps after which an episode is cut off."""

    def __post_init__(self) -> None:
        num = self.rooms[0] * self.rooms[1]
        if min(self.rooms) < 1 or num < 2:
            raise ValueError(f"rooms must be at least two in all, not {self.rooms}")
        if num > MAX_ROOMS:
            raise ValueError(f"rooms must be at most {MAX_ROOMS:,}, not {num:,}")
        if not 6 <= self.room_size <= 20:
            raise ValueError(f"room_size must be 6 to 20, not {self.room_size}")
        if not 0 <= self.locks <= min(MAX_LOCKS, num - 1):
            raise ValueError(
                f"{num} rooms can have 0 to {min(MAX_LOCKS, num - 1)} locks, "
                f"not {self.locks}"
            )
        if not 0.0 <= self.slip <= 1.0:
            raise ValueError(f"slip is a probability, not {self.slip}")

    def with_overview(self) -> FromAboveConfig:
        """See `OverlookedWorld`."""
        return FromAboveConfig(self)

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B mazes on a device."""
        return NativeVectorEnv(PixelMazeWorld(self, device), num_envs, device)


def _floor(position: Int64[Tensor, "B"], size: int) -> Int64[Tensor, "B"]:
    return torch.div(position, size, rounding_mode="floor")
