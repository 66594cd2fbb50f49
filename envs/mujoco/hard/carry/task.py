"""Carry: the thing of the pedestal's colour has to be brought to it."""

from collections.abc import Mapping
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from envs.chance import Keyed
from envs.mujoco.hard.carry.gait import HAND, HandedSteps
from envs.mujoco.hard.colours import COLOURS, NAMES
from envs.mujoco.hard.layouts import BACK, FRONT, WIDE, Spots, draw_layouts
from envs.mujoco.hard.look import Look
from envs.mujoco.hard.task import WALK, Dot, Errand, Task
from envs.mujoco.physics import Bodies
from envs.mujoco.walking.course import distance, face
from envs.mujoco.walking.gaits import AHEAD
from envs.mujoco.walking.walker import Walker
from envs.vector_env import FactSpec

HAND_AT = 0.45
"""metres ahead of the walker's middle, where its hand is"""
REACH = 0.5
"""metres from the hand to what it can take, and to the pedestal"""
_EDGE = 0.25  # metres from any wall to what is put down, at least
_NEAR = 0.75  # metres from the middle of something to where the guide faces it
_HIGH, _ON_TOP = 0.2, 0.85  # metres from the floor to the middle of things
_IN_HAND = (0.0, -0.3, -0.5)  # metres to the right of the eye, up, and back
_DONE = (0.95, 0.95, 0.95)


class CarryState(NamedTuple):
    """What is remembered of each hall."""

    layout: Int64[Tensor, "B"]
    wanted: Int64[Tensor, "B"]  # the thing that the pedestal asks for
    held: Int64[Tensor, "B"]  # what is in the hand; n for nothing
    brought: Bool[Tensor, "B"]  # it lies on the pedestal
    things: Float32[Tensor, "B n 2"]  # where each lies, or was taken


@final
class Carry(Task[CarryState]):
    """Things of several colours lie about; the pedestal and the gate have one of these.

    The hand takes the nearest thing before the walker, one at a time, and puts down
    what it holds: before the walker, or on the pedestal, if it is what is asked for.
    Then the gate opens, for good. Which colour is asked for is drawn anew in each
    episode. Things and the pedestal stop nobody.

    Args:
        num: n, how many things lie there; of the first n of `COLOURS`.
        seeds: a hall for each.
        device: where all of it lies.
    """

    def __init__(self, num: int, seeds: range, device: torch.device | str) -> None:
        spots = Spots(margins=(0.9, *[0.7] * num), apart=1.2)
        self.layouts = draw_layouts(spots, seeds, device)
        self.gait = HandedSteps(device)
        self.num = num
        self.things = _PEDESTAL + "".join(map(_thing, range(num)))
        self._colours = torch.tensor(COLOURS[:num], device=device)
        self._done = torch.tensor(_DONE, device=device)
        self._number = torch.arange(num, device=device)
        self._in_hand = torch.tensor(_IN_HAND, device=device)

    @property
    def facts(self) -> Mapping[str, FactSpec]:
        """See `describe`."""
        whole, names = torch.int64, NAMES[: self.num]
        return {
            "pedestal": FactSpec((2,), torch.float32, unit="m"),
            "things": FactSpec((self.num, 2), torch.float32, unit="m"),
            "wanted": FactSpec((), whole, names),
            "held": FactSpec((), whole, (*names, "nothing")),
            "taken": FactSpec((), whole, ("no", "yes"), tally=True),
            "brought": FactSpec((), whole, ("no", "yes"), tally=True),
        }

    def start(self, layout: Int64[Tensor, "B"], chance: Keyed) -> CarryState:
        """With an empty hand."""
        drawn = chance.uniform(len(layout), 1)[:, 0]
        return CarryState(
            layout,
            (drawn * self.num).long(),
            torch.full_like(layout, self.num),
            torch.zeros_like(layout, dtype=torch.bool),
            self.layouts.things[layout, 1:],
        )

    def act(
        self, state: CarryState, bodies: Bodies, action: Int64[Tensor, "B"]
    ) -> CarryState:
        """The hand takes, or puts down."""
        place = Walker.place(bodies)
        hand = place + HAND_AT * Walker.facing(bodies)
        uses, empty = action == HAND, state.held == self.num
        far = distance(state.things, hand.unsqueeze(1))
        laid = state.brought.unsqueeze(1) & self._wanted(state)
        far = far.masked_fill(laid, REACH)  # what lies on the pedestal stays there
        takes = uses & empty & (far < REACH).any(1)
        puts = uses & ~empty
        pedestal = self._pedestal(state)
        fits = (state.held == state.wanted) & (distance(pedestal, hand) < REACH)
        floor = _on_floor(hand, place)
        down = torch.where(fits.unsqueeze(1), pedestal, floor)
        moved = puts.unsqueeze(1) & (self._number == state.held.unsqueeze(1))
        held = torch.where(takes, far.argmin(1), state.held)
        return state._replace(
            held=held.masked_fill(puts, self.num),
            brought=state.brought | puts & fits,
            things=torch.where(moved.unsqueeze(-1), down.unsqueeze(1), state.things),
        )

    def judge(self, state: CarryState, bodies: Bodies) -> CarryState:
        """What is in the hand goes where the walker goes."""
        carried = (self._number == state.held.unsqueeze(1)).unsqueeze(-1)
        place = Walker.place(bodies).unsqueeze(1)
        return state._replace(things=torch.where(carried, place, state.things))

    def opened(self, state: CarryState) -> Bool[Tensor, "B"]:
        """What is asked for was brought."""
        return state.brought

    def steps(self, state: CarryState) -> Int64[Tensor, "B"]:
        """Two: the right thing is in the hand, and on the pedestal."""
        return (state.held == state.wanted).long() + 2 * state.brought

    def describe(self, state: CarryState, bodies: Bodies) -> dict[str, Tensor]:
        """Where the `pedestal` and all `things` are, and what is done.

        Which thing is `wanted`, and which is `held`; whether the wanted one is `taken`,
        in the hand or on the pedestal, and whether it was `brought` there.
        """
        return {
            "pedestal": self._pedestal(state),
            "things": state.things,
            "wanted": state.wanted,
            "held": state.held,
            "taken": ((state.held == state.wanted) | state.brought).long(),
            "brought": state.brought.long(),
        }

    def paint(self, state: CarryState, look: Look) -> None:
        """Things lie on the floor, in the hand or on the pedestal."""
        colour = self._colours[state.wanted]
        pedestal = self._pedestal(state)
        for part in ("pedestal", "plinth"):
            look.put(part, pedestal)
        look.paint("pedestal", colour)
        look.paint("gate", colour)
        hand = look.eye + (look.turned * self._in_hand).sum(-1)
        top = torch.cat([pedestal, torch.full_like(pedestal[:, :1], _ON_TOP)], 1)
        for i, place in enumerate(state.things.unbind(1)):
            look.put(f"thing {i}", place)
            look.lift(f"thing {i}", hand, state.held == i)
            look.lift(f"thing {i}", top, state.brought & (state.wanted == i))

    def dots(self, state: CarryState, bodies: Bodies) -> list[Dot]:
        """The pedestal, with the colour that it asks for, and all things."""
        colour = self._colours[state.wanted]
        pedestal = self._pedestal(state)
        white = self._done.expand(len(colour), -1)
        things = [
            Dot(place, 0.2, self._colours[i].expand(len(colour), -1))
            for i, place in enumerate(state.things.unbind(1))
        ]
        return [Dot(pedestal, 0.45, white), Dot(pedestal, 0.35, colour), *things]

    def errand(self, state: CarryState, bodies: Bodies) -> Errand:
        """Put down what is wrong, take what is right, and bring it."""
        place = Walker.place(bodies)
        facing = Walker.facing(bodies)
        hand = place + HAND_AT * facing
        row = torch.arange(len(place), device=place.device)
        holds = state.held == state.wanted
        wrong = (state.held < self.num) & ~holds
        thing = state.things[row, state.wanted]
        aim = torch.where(holds.unsqueeze(1), self._pedestal(state), thing)
        far = distance(state.things, hand.unsqueeze(1))
        first = far.argmin(1) == state.wanted
        ready = (distance(aim, hand) < REACH) & (holds | first)
        turn = face(facing, aim - place)
        action = torch.where(ready | wrong, HAND, torch.full_like(turn, WALK))
        turns = ~ready & ~wrong & (distance(aim, place) < _NEAR) & (turn != AHEAD)
        return Errand(
            aim,
            place.new_zeros(len(place), 0, 2),
            0.0,
            torch.where(turns, turn, action),
            state.brought,
        )

    def _pedestal(self, state: CarryState) -> Float32[Tensor, "B 2"]:
        return self.layouts.things[state.layout, 0]

    def _wanted(self, state: CarryState) -> Bool[Tensor, "B n"]:
        return self._number == state.wanted.unsqueeze(1)


def _on_floor(
    hand: Float32[Tensor, "B 2"], place: Float32[Tensor, "B 2"]
) -> Float32[Tensor, "B 2"]:
    """Before the walker, but neither in a wall nor behind one."""
    front = place[:, 0] < FRONT
    low = torch.where(front, -FRONT, FRONT) + _EDGE
    high = torch.where(front, FRONT, BACK) - _EDGE
    x = hand[:, 0].clamp(low, high)
    return torch.stack([x, hand[:, 1].clamp(_EDGE - WIDE, WIDE - _EDGE)], 1)


_PEDESTAL = """
    <geom name="plinth" type="box" size="0.16 0.16 0.3" pos="0 0 0.3"
      rgba="0.95 0.95 0.95 1"/>
    <geom name="pedestal" type="box" size="0.24 0.24 0.06" pos="0 0 0.64"/>"""


def _thing(number: int) -> str:
    rgba = " ".join(map(str, COLOURS[number]))
    return (
        f'<geom name="thing {number}" type="sphere" size="0.16" '
        f'pos="0 0 {_HIGH}" rgba="{rgba} 1"/>'
    )
