"""An object that goes back and forth."""

from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.behaviours.behaviour import SPEED, Behaviour, Look, anywhere, away_from
from envs.chance import Chance

LEAST = 0.6
"""how far apart the two ends are, at least"""


@final
class Periodic(Behaviour):
    """One object between two ends, in n = ⌈distance / `SPEED`⌉ equal steps each way.

    So a period is 2n steps, and each step 0.1 long or a little less.
    """

    looks: ClassVar[tuple[Look, ...]] = (Look((80, 170, 250), 0.15),)
    size = 8  # place, one end, the other end, n, steps since it left the first

    def start(self, num: int, chance: Chance) -> Float32[Tensor, "num F"]:
        """At the first of two ends, which stay where they are."""
        one = anywhere((num,), chance)
        other = away_from(one, LEAST, chance)
        length = torch.linalg.vector_norm(other - one, dim=-1, keepdim=True)
        steps = (length / SPEED).ceil()
        return torch.cat([one, one, other, steps, torch.zeros_like(steps)], 1)

    def step(
        self,
        state: Float32[Tensor, "num F"],
        watched: Bool[Tensor, "num"],
        chance: Chance,
    ) -> Float32[Tensor, "num F"]:
        """One step on, and back again from either end."""
        _, one, other, steps, since = state.split((2, 2, 2, 1, 1), 1)
        since = (since + 1) % (2 * steps)
        part = 1 - (since / steps - 1).abs()  # 0 at one end, 1 at the other
        place = torch.lerp(one, other, part)
        return torch.cat([place, one, other, steps, since], 1)
