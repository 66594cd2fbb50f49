"""What the objects of one quadrant do: the contract, and how they get anywhere."""

from abc import ABC, abstractmethod
from enum import Enum
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.chance import Chance

MOST = 4
"""M, objects of a group at most"""
SPEED = 0.1
"""how far an object goes in one step, where nothing else is said"""
START = 0.8
"""objects start within ±0.8 in both directions; they may go to ±1"""


class Form(Enum):
    """What an object is, for worlds that draw more than discs."""

    ACTOR = "actor"
    THING = "thing"
    COVER = "cover"


class Look(NamedTuple):
    """How an object is drawn.

    Attributes:
        colour: red, green, blue, 0 to 255.
        radius: of its disc, in units of the quadrant's box, whose half is 1.
        form: what stands there.
    """

    colour: tuple[int, int, int]
    radius: float
    form: Form = Form.ACTOR


class Behaviour(ABC):
    """Rules of one group of objects, as functions of a batch of states.

    Places are local to the quadrant, whose box is [-1, 1]². A state is one row of
    float32 numbers per group. The first of them are the places of the objects, x and y
    of each in turn; what the others mean is the behaviour's own affair.

    Attributes:
        looks: how each of the n objects is drawn, `MOST` at most.
        size: F, numbers in a state, 2n or more.
        elusive: objects can be hidden; where not, `seen` is True throughout.
        wary: the rules read the gaze. A gaze that is to see all that the behaviour can
            do must turn away at times.
    """

    looks: ClassVar[tuple[Look, ...]]
    size: ClassVar[int]
    elusive: ClassVar[bool] = False
    wary: ClassVar[bool] = False

    @abstractmethod
    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """Where the objects begin, and what makes these groups differ from others."""

    @abstractmethod
    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """The states of the next row.

        Args:
            watched: whether the gaze was on the group in the row of `state`.
        """

    def places(self, state: Float32[Tensor, "num F"]) -> Float32[Tensor, "num n 2"]:
        """(x, y) of the objects, within the box."""
        num = len(self.looks)
        return state[:, : 2 * num].view(-1, num, 2)

    def seen(self, state: Float32[Tensor, "num F"]) -> Bool[Tensor, "num n"]:
        """Which objects a gaze would see: not those that are hidden."""
        shape = (len(state), len(self.looks))
        return torch.ones(shape, dtype=torch.bool, device=state.device)


def towards(
    place: Float32[Tensor, "*batch 2"], aim: Float32[Tensor, "*batch 2"], speed: float
) -> Float32[Tensor, "*batch 2"]:
    """A step of length `speed` straight to `aim`, or to it where it is nearer."""
    way = aim - place
    length = torch.linalg.vector_norm(way, dim=-1, keepdim=True)
    return torch.addcdiv(place, way, length.clamp_min(speed), value=speed)


def anywhere(
    shape: tuple[int, ...], chance: Chance, reach: float = START
) -> Float32[Tensor, "*shape 2"]:
    """Uniform places within ±`reach`, on the device of `chance`."""
    drawn = chance.uniform(*shape, 2)
    return reach * (2 * drawn - 1)


def away_from(
    place: Float32[Tensor, "num 2"], least: float, chance: Chance
) -> Float32[Tensor, "num 2"]:
    """Uniform places within ±`START`, at least `least` away from others within it.

    The first of eight draws that is far enough is taken. Where none is, which happens
    once in hundreds of times at `least` 0.6, the farthest corner is.
    """
    corner = START * torch.where(place > 0, -1.0, 1.0)
    drawn = anywhere((len(place), 8), chance)
    drawn = torch.cat([drawn, corner.unsqueeze(1)], 1)
    far = torch.linalg.vector_norm(drawn - place.unsqueeze(1), dim=-1) >= least
    # Of several greatest, argmax takes the first.
    return drawn[torch.arange(len(place), device=place.device), far.int().argmax(1)]
