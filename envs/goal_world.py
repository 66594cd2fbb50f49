"""Native worlds that have goals: states to be reached, shown as frames."""

from abc import abstractmethod
from typing import Any, Generic, TypeVar

import torch
from jaxtyping import Bool
from torch import Tensor

from envs.native_env import NativeWorld

S = TypeVar("S", bound=tuple[Any, ...])  # a NamedTuple of tensors [B, ...]


class GoalWorld(NativeWorld[S], Generic[S]):
    """A world with states that can be aimed at: for plans, not for rewards.

    A goal is a state like any other, so that it can be drawn; `curious plan` shows its
    frame to the planner.
    """

    @abstractmethod
    def goal(self, state: S, generator: torch.Generator) -> S:
        """States that can be reached from these, in the same surroundings."""

    @abstractmethod
    def reached(self, state: S, goal: S) -> Bool[Tensor, "B"]:
        """Whether states are as good as their goals."""
