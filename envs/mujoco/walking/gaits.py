"""What actions a walker has: steps and turns, or any speed and turn."""

from abc import ABC, abstractmethod
from math import pi
from typing import final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.vector_env import ActionSpace, ContinuousActions, DiscreteActions

STRIDE = 0.4
"""metres in one step, at most"""
HEADINGS = 12
"""steps in which a walker of steps turns round once"""
TURN = 2 * pi / HEADINGS
"""radians in one step, at most"""
STAY, AHEAD, LEFT, RIGHT = range(4)


class Gait(ABC):
    """Actions, and what a walker makes of them.

    Attributes:
        actions: as the world offers them.
    """

    actions: ActionSpace

    @abstractmethod
    def of(
        self, action: Int64[Tensor, "B"] | Float32[Tensor, "B A"]
    ) -> tuple[Float32[Tensor, "B"], Float32[Tensor, "B"]]:
        """Metres ahead, and radians to the left, in this step."""


@final
class Steps(Gait):
    """Nothing, a stride ahead, or a turn by 30 degrees to the left or to the right.

    Action 0 is to stay, which is what noise that waits for a no-op waits for.

    Args:
        device: of what is looked up.
    """

    actions = DiscreteActions(4, ("stay", "ahead", "left", "right"))

    def __init__(self, device: torch.device | str) -> None:
        self._stride = torch.tensor([0, STRIDE, 0, 0], device=device)
        self._turn = torch.tensor([0, 0, TURN, -TURN], device=device)

    def of(
        self, action: Int64[Tensor, "B"] | Float32[Tensor, "B A"]
    ) -> tuple[Float32[Tensor, "B"], Float32[Tensor, "B"]]:
        """See `Gait.of`."""
        return self._stride[action], self._turn[action]


@final
class Glides(Gait):
    """Two numbers: metres ahead or, where negative, back; and radians to the left."""

    actions = ContinuousActions((-STRIDE, -TURN), (STRIDE, TURN))

    def of(
        self, action: Int64[Tensor, "B"] | Float32[Tensor, "B A"]
    ) -> tuple[Float32[Tensor, "B"], Float32[Tensor, "B"]]:
        """See `Gait.of`."""
        stride, turn = action.unbind(1)
        return stride, turn
