"""An object that nobody can predict."""

from math import pi
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.behaviours.behaviour import Behaviour, Look, anywhere
from envs.chance import Chance

STRIDE = 0.2
"""how far it goes in one step"""


@final
class Noise(Behaviour):
    """One object that goes 0.2 into a new direction in every step.

    Where a step would lead out of the box, its x or its y is turned round: all steps
    are of one length.
    """

    looks: ClassVar[tuple[Look, ...]] = (Look((235, 235, 235), 0.15),)
    size = 2

    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """Anywhere."""
        return anywhere((num,), chance)

    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """Somewhere else."""
        drawn = chance.uniform(len(state), 1)
        angle = 2 * pi * drawn
        way = STRIDE * torch.cat([angle.cos(), angle.sin()], 1)
        there = state + way
        return torch.where(there.abs() > 1, state - way, there)
