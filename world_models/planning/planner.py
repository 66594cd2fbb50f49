"""The contract of planners: from what actions cost to actions that cost little."""

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from world_models.actions import ActionSpace
from world_models.planning.draws import Draws


class Plan(ABC):
    """What is known of good actions of B envs over the H steps to come."""

    @property
    @abstractmethod
    def action(self) -> Shaped[Tensor, "H B ..."]:
        """The best actions: numbers of actions, or vectors in [-1, 1]."""

    @abstractmethod
    def shifted(self, steps: int) -> "Plan":
        """The plan of so many steps later, of as many steps: the warm start.

        Its last steps are as in a plan that knows nothing.
        """

    @abstractmethod
    def envs(self, index: Shaped[Tensor, "b"]) -> "Plan":
        """The plan of some envs, by their numbers or a mask."""


P = TypeVar("P", bound=Plan)


@runtime_checkable
class ActionCost(Protocol):
    """What N sequences of actions cost in each of B envs: all of them in one call."""

    def __call__(self, action: Shaped[Tensor, "H B N ..."]) -> Float32[Tensor, "B N"]:
        """Less is better; every sequence is judged by itself."""


class Planner(ABC, Generic[P]):
    """Finds actions of little cost for B envs at once; the cost is all that it asks.

    Nothing is shared between envs: each has samples and statistics of its own.

    Attributes:
        horizon: H, steps that are planned.
    """

    horizon: int

    @abstractmethod
    def start(self, num_envs: int, device: torch.device) -> P:
        """The plan of who knows nothing."""

    @abstractmethod
    def __call__(self, cost: ActionCost, prior: P, draws: Draws) -> P:
        """Plan.

        Args:
            cost: of any actions.
            prior: where to begin: `start`, or an earlier plan, shifted.
            draws: of everything random.
        """


@runtime_checkable
class PlannerConfig(Protocol):
    """Builds a planner for an action space."""

    def of_actions(self, actions: ActionSpace, horizon: int) -> Planner[Any]:
        """Build it.

        Args:
            actions: of the world: policies, and so planners, act in [-1, 1] in each
                component of continuous ones.
            horizon: H, steps that are planned.

        Raises:
            ConfigError: it plans other actions than these.
        """


def shifted_rows(
    rows: Shaped[Tensor, "H ..."], steps: int, last: float
) -> Shaped[Tensor, "H ..."]:
    """Rows from `steps` on, and `last` for those that are missing at the end."""
    kept = rows[steps:]
    end = rows.new_full((len(rows) - len(kept), *rows.shape[1:]), last)
    return torch.cat([kept, end])
