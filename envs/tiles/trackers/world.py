"""The tracker maze: rules of moving, pushing and reaching, and what is told of them."""

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from envs.native_env import NativeWorld, Outcome
from envs.tiles.trackers.art import Map, Pictures
from envs.tiles.trackers.layout import COLUMNS, LEFT, TOP, Layout, drift
from envs.tiles.trackers.view import SEEN, Planes, Window
from envs.vector_env import DiscreteActions, FactSpec

NOOP = 0
_MOVES = (0, -COLUMNS, COLUMNS, -1, 1)
ROOM_NAMES = ("first", "second", "third", "fourth", "fifth")
EVENTS = ("tracker", "new_room", "mover_in_view", "bumped", "noop")
"""what a step may have brought"""


class TrackerState(NamedTuple):
    """Where things are, what was achieved, and what the step before brought."""

    place: Int64[Tensor, "B"]  # all places are cells, see `layout`
    blocks: Int64[Tensor, "B 2"]
    movers: Int64[Tensor, "B M"]
    reached: Bool[Tensor, "B 4"]
    deepest: Int64[Tensor, "B"]
    age: Int64[Tensor, "B"]  # steps of the episode, those before the run included
    tracker: Bool[Tensor, "B"]
    new_room: Bool[Tensor, "B"]
    bumped: Bool[Tensor, "B"]
    noop: Bool[Tensor, "B"]


@final
class TrackerWorld(NativeWorld[TrackerState]):
    """Five rooms in a row, and in all but the first a tracker that pays nothing.

    After the maze of BYOL-Hindsight (arXiv 2211.10515): without any reward, how many
    trackers an agent reaches says how far its curiosity carries. Doors lie at the
    bottom and at the top of the walls by turns. In the last two of them stand blocks,
    which move on when walked against. Movers stroll about rooms without end, by chance;
    nothing stops them, and they stop nobody.

    Args:
        layout: of the maze.
        shared: whether all movers of a room take the same random step; else each its
            own.
        staggered: whether the first episodes begin in the midst, so that not all of
            them end at once.
        pixels: S, rows and columns of a frame; 0 draws nothing, [1, 1, 1].
        max_episode_steps: steps until an episode is cut.
        device: where all of it lies.
    """

    actions = DiscreteActions(5, ("noop", "up", "down", "left", "right"))
    vector_size = Planes.size

    def __init__(
        self,
        layout: Layout,
        shared: bool,
        staggered: bool,
        pixels: int,
        max_episode_steps: int,
        device: torch.device | str,
    ) -> None:
        self.max_episode_steps = max_episode_steps
        self.obs_shape = (3, pixels, pixels) if pixels else (1, 1, 1)
        self._shared, self._staggered = shared, staggered
        # Everything looked up by cell or action lies on the device from the start.
        self._wall, self._room = layout.wall.to(device), layout.room.to(device)
        shut = layout.wall.clone()
        shut[list(layout.trackers)] = True  # for blocks
        self._shut = shut.to(device)
        self._drift = drift(layout).flatten().to(device)
        self._moves = torch.tensor(_MOVES, device=device)

        def cells(numbers: tuple[int, ...]) -> Int64[Tensor, "1 K"]:
            return torch.tensor([numbers], dtype=torch.int64, device=device)

        self._start, self._trackers = layout.start, cells(layout.trackers)
        self._blocks, self._movers = cells(layout.blocks), cells(layout.movers)
        rooms = sorted(set(layout.mover_rooms))
        company = tuple(rooms.index(x) for x in layout.mover_rooms)
        self._num_rooms, self._company = len(rooms), cells(company)[0]
        self._window = window = Window(device)
        self._planes = Planes(layout, window, device)
        self._pictures = Pictures(layout, window, pixels, device) if pixels else None
        self._map = Map(layout, window, device)
        self.above_shape = self._map.shape

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        whole = torch.int64
        return {
            "room": FactSpec((), whole, ROOM_NAMES),
            "x": FactSpec((), whole, unit="tiles"),
            "y": FactSpec((), whole, unit="tiles"),
            "deepest": FactSpec((), whole),
            "rooms": FactSpec((), whole, tally=True),
            "trackers": FactSpec((), whole, tally=True),
            **{name: FactSpec((), torch.bool, event=True) for name in EVENTS},
        }

    def start(
        self, num_envs: int, generator: torch.Generator, previous: TrackerState | None
    ) -> TrackerState:
        """At the left of the first room; the first episodes have some steps behind."""
        device = generator.device
        place = torch.full((num_envs,), self._start, device=device)
        age = torch.zeros_like(place)
        if previous is None and self._staggered:
            age = torch.randint(
                self.max_episode_steps, (num_envs,), generator=generator, device=device
            )
        never = torch.zeros_like(place, dtype=torch.bool)
        return TrackerState(
            place,
            self._blocks.expand(num_envs, -1),
            self._movers.expand(num_envs, -1),
            never.unsqueeze(1).expand(-1, self._trackers.shape[1]),
            torch.zeros_like(place),
            age,
            never,
            never,
            never,
            never,
        )

    def transition(
        self,
        state: TrackerState,
        action: Int64[Tensor, "B"],
        generator: torch.Generator,
    ) -> Outcome:
        """The agent goes or pushes, movers stroll; then trackers and rooms count."""
        ahead = self._moves[action]
        aim = state.place + ahead
        behind = aim + ahead  # where a block in the way would go
        hit = state.blocks == aim.unsqueeze(1)
        in_the_way = hit.any(1)
        stuck = self._shut[behind] | (state.blocks == behind.unsqueeze(1)).any(1)
        bumped = self._wall[aim] | (in_the_way & stuck)
        place = torch.where(bumped, state.place, aim)
        pushed = hit & ~bumped.unsqueeze(1)
        on = self._trackers == place.unsqueeze(1)
        room = self._room[place]
        age = state.age + 1
        after = TrackerState(
            place=place,
            blocks=torch.where(pushed, behind.unsqueeze(1), state.blocks),
            movers=self._stroll(state.movers, generator),
            reached=state.reached | on,
            deepest=torch.maximum(state.deepest, room),
            age=age,
            tracker=(on & ~state.reached).any(1),
            new_room=room > state.deepest,
            bumped=bumped,
            noop=action == NOOP,
        )
        return Outcome(
            after,
            torch.zeros_like(place, dtype=torch.float32),
            torch.zeros_like(bumped),
            age >= self.max_episode_steps,
        )

    def _stroll(
        self, movers: Int64[Tensor, "B M"], generator: torch.Generator
    ) -> Int64[Tensor, "B M"]:
        """Movers stay or go in one of four directions, all five alike."""
        num_envs, num = movers.shape
        if not num:
            return movers
        shape = (num_envs, self._num_rooms if self._shared else num)
        step = torch.randint(5, shape, generator=generator, device=generator.device)
        if self._shared:
            step = step.index_select(1, self._company)
        return self._drift[5 * movers + step]

    def render(self, state: TrackerState) -> UInt8[Tensor, "B C S S"]:
        """The cells around the agent; see `Pictures`."""
        if self._pictures is None:
            shape = (len(state.place), *self.obs_shape)
            return torch.zeros(shape, dtype=torch.uint8, device=state.place.device)
        place, trackers, blocks, movers = self._in_view(state)
        return self._pictures.draw(
            place, trackers, state.reached, blocks, movers, state.movers
        )

    def above(self, state: TrackerState) -> UInt8[Tensor, "B 3 H W"]:
        """All rooms; see `Map`."""
        return self._map.draw(
            state.place,
            self._trackers.expand(len(state.place), -1),
            state.reached,
            state.blocks,
            state.movers,
        )

    def sense(self, state: TrackerState) -> Float32[Tensor, "B V"]:
        """The cells around the agent; see `Planes`."""
        place, trackers, blocks, movers = self._in_view(state)
        return self._planes.draw(
            place, trackers, state.reached, blocks, movers, state.movers
        )

    def _in_view(self, state: TrackerState) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Where the agent is, and where in its view trackers, blocks and movers are."""
        place = state.place
        things = [
            self._trackers.expand(len(place), -1),
            state.blocks,
            state.movers,
        ]
        slots = self._window.slots(place, torch.cat(things, 1))
        trackers, blocks, movers = slots.split([x.shape[1] for x in things], 1)
        return place, trackers, blocks, movers

    def describe(self, state: TrackerState) -> dict[str, Tensor]:
        """Where the agent is, what it achieved, and what the step before brought.

        - `room`, `x`, `y`: where the agent is, counted from the corner of the first
          room; a door belongs to the room left of it;
        - `deepest`, `rooms`, `trackers`: the last room so far in this episode, how many
          that makes, and how many trackers were reached;
        - `tracker`, `new_room`: one was reached for the first time in the episode;
        - `mover_in_view`: there is one now; `bumped`: a wall, or a block that stays;
          `noop`: the action was to stay.
        """
        place = state.place
        mover = (self._window.slots(place, state.movers) < SEEN).any(1)
        return {
            "room": self._room[place],
            "x": place % COLUMNS - LEFT,
            "y": place // COLUMNS - TOP,
            "deepest": state.deepest,
            "rooms": state.deepest + 1,
            "trackers": state.reached.sum(1),
            "tracker": state.tracker,
            "new_room": state.new_room,
            "mover_in_view": mover,
            "bumped": state.bumped,
            "noop": state.noop,
        }
