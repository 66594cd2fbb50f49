"""How Gymnasium envs are told to act: actions of ours as those of their spaces."""

from abc import ABC, abstractmethod
from math import prod
from typing import Any, final

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from numpy.typing import NDArray
from torch import Tensor

from envs.vector_env import (
    ActionSpace,
    ContinuousActions,
    DiscreteActions,
    WorldError,
)

MOST = 4_096
"""combinations of several choices that are actions of their own"""


class Told(ABC):
    """What envs are told, from actions of ours.

    Attributes:
        actions: how agents act.
        about: what people should know of them; empty where nothing.
    """

    actions: ActionSpace
    about: str = ""

    @abstractmethod
    def read(self, action: Tensor, ended: NDArray[np.bool_]) -> NDArray[Any]:
        """Actions of all envs, `[B, …]`, as their space has them.

        Args:
            action: `[B]`, or `[B, A]` in [-1, 1].
            ended: `[B]`, whose action is ignored and need not be one.

        Raises:
            WorldError: an action does not exist.
        """

    @abstractmethod
    def heard(self, told: NDArray[Any]) -> Tensor:
        """Actions of ours, `[B]` or `[B, A]`, of what envs were told: `read` undone."""


@final
class Choices(Told):
    """A choice, or several at once, each combination of which is an action.

    Args:
        sizes: alternatives of each choice, in the order of what envs are told.
        start: the number of the first alternative of each.
        shape: what envs are told.
        dtype: of it.

    Raises:
        ValueError: there are more than 4,096 combinations.
    """

    def __init__(
        self,
        sizes: NDArray[Any],
        start: NDArray[Any],
        shape: tuple[int, ...],
        dtype: Any,
    ) -> None:
        self._sizes = tuple(map(int, sizes.ravel()))
        self._start, self._shape, self._dtype = start.ravel(), shape, dtype
        num = prod(self._sizes)
        if len(self._sizes) > 1:
            if num > MOST:
                raise ValueError(
                    f"{num:,} combinations of {len(self._sizes)} choices are more than "
                    f"{MOST:,} actions: wrap the env, so that fewer can be chosen"
                )
            self.about = f"each of the {num} combinations of its {len(self._sizes)} "
            self.about += "choices is an action"
        self.actions = DiscreteActions(num)

    def read(self, action: Tensor, ended: NDArray[np.bool_]) -> NDArray[Any]:
        """The choices, counted from where the env counts."""
        assert isinstance(self.actions, DiscreteActions)
        # What stands in the row of a reset is ignored, so it need not be an action.
        asked = np.where(ended, 0, action.cpu().numpy())
        if asked.min() < 0 or asked.max() >= self.actions.n:
            start = self._start[0] if len(self._sizes) == 1 else 0
            own = f" (the env's own begin at {start})" if start else ""
            raise WorldError(
                f"Actions must be 0 … {self.actions.n - 1}{own}, not {asked.tolist()}"
            )
        each = np.stack(np.unravel_index(asked, self._sizes), -1) + self._start
        return np.asarray(each.reshape(-1, *self._shape), self._dtype)

    def heard(self, told: NDArray[Any]) -> Tensor:
        """The number of the combination."""
        each = np.asarray(told, np.int64).reshape(-1, len(self._sizes)) - self._start
        number = np.ravel_multi_index(tuple(each.T), self._sizes)
        return torch.from_numpy(np.asarray(number, np.int64))


@final
class Numbers(Told):
    """Real numbers within bounds.

    Args:
        space: of the env.
        reach: how far agents act where it sets no bound: from -reach to reach, or
            twice that from the only bound.
    """

    def __init__(self, space: Box, reach: float) -> None:
        self._space = space
        low, high = space.low.astype(np.float64), space.high.astype(np.float64)
        below, above = np.isfinite(low), np.isfinite(high)
        least = np.where(above, high - 2 * reach, -reach)
        most = np.where(below, low + 2 * reach, reach)
        low, high = np.where(below, low, least), np.where(above, high, most)
        self.actions = ContinuousActions(
            tuple(low.ravel().tolist()), tuple(high.ravel().tolist())
        )
        if not space.is_bounded():
            self.about = f"acts within ±{reach:g} of where it sets no bounds"

    def read(self, action: Tensor, ended: NDArray[np.bool_]) -> NDArray[Any]:
        """Rescaled from [-1, 1] to the bounds."""
        space = self._space
        assert isinstance(self.actions, ContinuousActions)
        done = self.actions.to_bounds(action).cpu().numpy()
        shaped = done.reshape(-1, *space.shape).astype(space.dtype)
        # Bounds of float64 may lie a rounding inside of their float32.
        return np.asarray(np.clip(shaped, space.low, space.high))

    def heard(self, told: NDArray[Any]) -> Tensor:
        """Rescaled from the bounds to [-1, 1]."""
        assert isinstance(self.actions, ContinuousActions)
        done = np.asarray(told, np.float32).reshape(-1, self.actions.size)
        return self.actions.from_bounds(torch.from_numpy(done.copy()))


def find_actions(space: "gymnasium.Space[Any]", reach: float = 1.0) -> Told:
    """How envs with this space of actions are told to act.

    Raises:
        ValueError: the space is of another kind, or there is too much to choose from.
    """
    if isinstance(space, Discrete):
        return Choices(np.array([space.n]), np.array([space.start]), (), space.dtype)
    if isinstance(space, MultiDiscrete):
        return Choices(space.nvec, space.start, space.shape, space.dtype)
    if isinstance(space, MultiBinary):
        two = np.full(space.shape, 2)
        return Choices(two, np.zeros_like(two), space.shape, space.dtype)
    if isinstance(space, Box) and np.issubdtype(space.dtype, np.floating):
        return Numbers(space, reach)
    if isinstance(space, Box) and space.is_bounded():
        low, high = space.low.astype(np.int64), space.high.astype(np.int64)
        return Choices(high - low + 1, low, space.shape, space.dtype)
    raise ValueError(
        "Actions must be Discrete, MultiDiscrete, MultiBinary or a Box of numbers "
        f"(bounded, if they are whole), not {space}: wrap the env in one of these"
    )
