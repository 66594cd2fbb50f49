"""An actor that wanders, and another that does the same, mirrored, a little later."""

from math import pi
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.behaviours.behaviour import SPEED, Behaviour, Look, anywhere
from envs.chance import Chance

DELAY = 2
"""steps by which the imitator lags behind"""
TURNS = 0.15
"""probability that the actor takes a new direction before a step"""
SLIPS = 0.1
"""a stochastic imitator is off by up to this, in x and in y"""


@final
class Mimicry(Behaviour):
    """An imitator is where an actor was two steps ago, on the other side.

    The actor goes 0.1 per step in a direction that it keeps for a while. An x or y that
    would leave the box stays as it is, and the next direction is a new one. The actor's
    way is chance in both variants. The imitator's is not: its x is minus the actor's of
    two steps before, its y the actor's.

    Args:
        stochastic: the imitator misses, in x and in y, by numbers uniform within ±0.1,
            new ones in each step, and stays within the box.
    """

    looks: ClassVar[tuple[Look, ...]] = (
        Look((70, 215, 215), 0.15),
        Look((245, 130, 200), 0.15),
    )
    size = 7  # the actor, the imitator, the actor one step before, its direction

    def __init__(self, stochastic: bool) -> None:
        self.stochastic = stochastic

    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """The actor anywhere, where it has been for long."""
        actor = anywhere((num,), chance)
        angle = _directions(num, chance)
        imitator = self._mirrored(actor, chance)
        return torch.cat([actor, imitator, actor, angle], 1)

    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """The actor goes on, the imitator follows."""
        actor, _, before, angle = state.split((2, 2, 2, 1), 1)
        num = len(state)
        turns = chance.uniform(num, 1) < TURNS
        angle = torch.where(turns, _directions(num, chance), angle)
        there = actor + SPEED * torch.cat([angle.cos(), angle.sin()], 1)
        out = there.abs() > 1
        bumps = out.any(1, keepdim=True)
        angle = torch.where(bumps, _directions(num, chance), angle)
        # `before` is one step old now, and two when the actor has arrived.
        imitator = self._mirrored(before, chance)
        return torch.cat([torch.where(out, actor, there), imitator, actor, angle], 1)

    def _mirrored(
        self, place: Float32[Tensor, "num 2"], chance: Chance
    ) -> Float32[Tensor, "num 2"]:
        """Places on the other side, or thereabouts."""
        x, y = place.split(1, 1)
        mirrored = torch.cat([-x, y], 1)
        if not self.stochastic:
            return mirrored
        return (mirrored + anywhere((len(place),), chance, SLIPS)).clamp(-1, 1)


def _directions(num: int, chance: Chance) -> Float32[Tensor, "num 1"]:
    """Uniform angles in radians."""
    return 2 * pi * chance.uniform(num, 1)
