"""An actor that visits three objects, round by round."""

from math import pi
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.behaviours.behaviour import SPEED, Behaviour, Form, Look
from envs.chance import Chance

GLIDE = 0.04
"""how far an object goes in one step, on the way to its new anchor"""
NEAREST, FARTHEST = 0.5, 0.85
"""how far from the middle anchors are"""
APART = 2.1
"""radians between the anchors of an object and the next"""

_ACTOR = Look((245, 90, 70), 0.17)
_OBJECTS = tuple(
    Look(x, 0.1, Form.THING) for x in ((250, 215, 70), (245, 165, 40), (205, 125, 30))
)


@final
class Reaching(Behaviour):
    """An actor goes to each of three objects in turn; then the objects move on.

    The actor begins in the middle. It has visited an object when that is a step away or
    nearer. Each object has an anchor, to which it glides. When all three have been
    visited, anchors are turned by a quarter around the middle, and a new round begins.

    Args:
        stochastic: the order of each round is drawn, uniformly out of all six; else it
            is always first, second, third, and nothing is left to chance.
        device: of the states.
    """

    looks: ClassVar[tuple[Look, ...]] = (_ACTOR, *_OBJECTS)
    size = 18  # places of all four, three anchors, objects visited in this round, order

    def __init__(self, stochastic: bool, device: torch.device | str) -> None:
        self.stochastic = stochastic
        self._speeds = torch.tensor([[SPEED], *[[GLIDE]] * 3], device=device)

    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """Anchors around the middle, at angles 2.1 apart, with objects at them."""
        device = chance.device
        turn = chance.uniform(num, 1)
        reach = chance.uniform(num, 3)
        number = torch.arange(3, device=device)
        angle = 2 * pi * turn + APART * number
        reach = NEAREST + (FARTHEST - NEAREST) * reach
        anchors = reach.unsqueeze(-1) * torch.stack([angle.cos(), angle.sin()], -1)
        nothing = torch.zeros(num, 1, device=device)
        order = number.float().expand(num, 3)
        if self.stochastic:
            order = _orders(num, chance)
        middle = torch.zeros(num, 2, device=device)
        anchors = anchors.flatten(1)
        return torch.cat([middle, anchors, anchors, nothing, order], 1)

    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """The actor goes to the first in the order, objects to their anchors."""
        places, anchors, visited, order = state.split((8, 6, 1, 3), 1)
        places, anchors = places.view(-1, 4, 2), anchors.view(-1, 3, 2)
        number = 1 + order[:, :1, None].long()
        aims = torch.cat([places.gather(1, number.expand(-1, -1, 2)), anchors], 1)
        way = aims - places
        length = torch.linalg.vector_norm(way, dim=-1, keepdim=True)
        stride = torch.maximum(length, self._speeds)
        places = torch.addcdiv(places, way * self._speeds, stride)
        hit = length[:, 0] <= SPEED
        last = hit & (visited == 2)
        order = torch.where(hit, order.roll(-1, 1), order)
        if self.stochastic:
            order = torch.where(last, _orders(len(state), chance), order)
        x, y = anchors.unbind(-1)
        turned = torch.stack([-y, x], -1).flatten(1)
        anchors = torch.where(last, turned, anchors.flatten(1))
        return torch.cat([places.flatten(1), anchors, (visited + hit) % 3, order], 1)


def _orders(num: int, chance: Chance) -> Float32[Tensor, "num 3"]:
    """Permutations of 0, 1, 2."""
    drawn = chance.uniform(num, 3)
    return drawn.argsort(1).float()
