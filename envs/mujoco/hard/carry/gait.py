"""Steps of a walker that has a hand."""

from typing import final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from envs.mujoco.walking.gaits import STRIDE, TURN, Gait
from envs.vector_env import DiscreteActions

HAND = 4
"""the action of the hand"""


@final
class HandedSteps(Gait):
    """Those of `Steps`, and to take or put down what is at hand, for which it stands.

    Args:
        device: of what is looked up.
    """

    actions = DiscreteActions(5, ("stay", "ahead", "left", "right", "hand"))

    def __init__(self, device: torch.device | str) -> None:
        self._stride = torch.tensor([0, STRIDE, 0, 0, 0], device=device)
        self._turn = torch.tensor([0, 0, TURN, -TURN, 0], device=device)

    def of(
        self, action: Int64[Tensor, "B"] | Float32[Tensor, "B A"]
    ) -> tuple[Float32[Tensor, "B"], Float32[Tensor, "B"]]:
        """See `Gait.of`."""
        return self._stride[action], self._turn[action]
