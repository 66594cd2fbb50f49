"""Two-Rooms: a dot in one of two rooms, told how to move, and goals to be reached."""

from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Bool, Float32, UInt8
from torch import Tensor

from envs.goal_world import GoalWorld
from envs.native_env import Outcome
from envs.toys.dots import PEAK, PIXELS, density
from envs.two_rooms.layouts import Layout, Layouts, RandomWalls
from envs.two_rooms.walls import GAP, HALF, anywhere, beside, moved
from envs.vector_env import ContinuousActions, FactSpec

REACH = 2.0
"""pixels that a dot moves in one step, at most in each direction"""
NEAR = 2.0
"""pixels from a goal at which it counts as reached"""


class TwoRoomsState(NamedTuple):
    """Where the dot is, and what it moves among."""

    place: Float32[Tensor, "B 2"]  # x, y in pixels
    wall: Float32[Tensor, "B"]  # x of the wall's middle, pixels
    door: Float32[Tensor, "B"]  # y of the door's middle, pixels


@final
class TwoRoomsWorld(GoalWorld[TwoRoomsState]):
    """A dot, a wall with a door, and nothing to win: a world for planning.

    Two-Rooms of PLDM (arXiv 2502.14819), smaller: 28 x 28 pixels, the dot in one
    channel, the wall in the other. Goals lie in the other room, so that every way leads
    through the door. A goal is reached within 2 pixels, less than the wall is thick.
    Where walls are random, they are constant in an episode and differ between episodes:
    a model may tell episodes apart by them, and never see the dot.

    Deviations: PLDM has 65 x 65 pixels, a wall 3 and doors 8 of them wide, and steps of
    2.45 at most; here the wall is 3, the door 5 and a step 2 in each direction.

    Args:
        layouts: where walls and doors are; default: random.
        max_episode_steps: transitions of an episode.
    """

    obs_shape = (2, PIXELS, PIXELS)
    actions = ContinuousActions((-REACH, -REACH), (REACH, REACH))
    facts: ClassVar[dict[str, FactSpec]] = {
        "place": FactSpec((2,), torch.float32, unit="px"),
        "wall": FactSpec((), torch.float32, unit="px"),
        "door": FactSpec((), torch.float32, unit="px"),
        "room": FactSpec((), torch.int64, names=("left", "door", "right")),
    }

    def __init__(
        self, layouts: Layouts | None = None, max_episode_steps: int = 100
    ) -> None:
        self.layouts = layouts or RandomWalls()
        self.max_episode_steps = max_episode_steps

    def start(
        self, num_envs: int, generator: torch.Generator, previous: TwoRoomsState | None
    ) -> TwoRoomsState:
        """A wall, and a dot anywhere beside it."""
        layout: Layout = self.layouts.draw(num_envs, generator)
        return TwoRoomsState(anywhere(layout.wall, generator), *layout)

    def transition(
        self,
        state: TwoRoomsState,
        action: Float32[Tensor, "B 2"],
        generator: torch.Generator,
    ) -> Outcome:
        """Move by as many pixels, as far as the walls allow: see `moved`."""
        place = moved(state.place, action, state.wall, state.door)
        nothing = torch.zeros_like(state.wall)
        return Outcome(state._replace(place=place), nothing, nothing.bool())

    def render(self, state: TwoRoomsState) -> UInt8[Tensor, "B 2 28 28"]:
        """The dot, 255 at its centre; and the wall, 255 where it is."""
        dot = (density(state.place) / PEAK * 255).round().byte()
        pixel = torch.arange(PIXELS, device=state.wall.device)
        column = (pixel - state.wall.unsqueeze(-1)).abs() < HALF
        shut = (pixel - state.door.unsqueeze(-1)).abs() > GAP
        wall = 255 * (shut.unsqueeze(2) & column.unsqueeze(1)).byte()
        return torch.stack([dot, wall], 1)

    @property
    def above_shape(self) -> tuple[int, int, int]:
        """As large as frames, in colour."""
        return (3, PIXELS, PIXELS)

    def above(self, state: TwoRoomsState) -> UInt8[Tensor, "B 3 28 28"]:
        """Both channels as one picture: a red dot, and a grey wall."""
        dot, wall = self.render(state).unbind(1)
        grey = wall // 2
        return torch.stack([torch.maximum(dot, grey), grey, grey], 1)

    def describe(self, state: TwoRoomsState) -> dict[str, Tensor]:
        """Place (x, y), wall (x) and door (y) in pixels; the room by number."""
        off = state.place[:, 0] - state.wall
        room = 1 + (off >= HALF).long() - (off <= -HALF).long()
        return {
            "place": state.place,
            "wall": state.wall,
            "door": state.door,
            "room": room,
        }

    def goal(self, state: TwoRoomsState, generator: torch.Generator) -> TwoRoomsState:
        """Anywhere in the other room."""
        right = state.place[:, 0] < state.wall
        return state._replace(place=beside(state.wall, right, generator))

    def reached(self, state: TwoRoomsState, goal: TwoRoomsState) -> Bool[Tensor, "B"]:
        """Within 2 pixels."""
        near: Tensor = (state.place - goal.place).norm(dim=-1) <= NEAR
        return near
