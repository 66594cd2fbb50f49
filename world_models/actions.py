"""Action embeddings: actions as vectors for recurrent cores."""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from jaxtyping import Float32, Int64, Shaped
from torch import Tensor, nn


class ActionEmbedding(nn.Module, ABC):
    """Maps actions, whatever their batch axes, to vectors of `size` E."""

    size: int

    @abstractmethod
    def forward(self, action: Shaped[Tensor, "..."]) -> Float32[Tensor, "*batch E"]:
        """Embed actions."""

    @abstractmethod
    def none(self, num_envs: int) -> Shaped[Tensor, "B ..."]:
        """Placeholder for "no action yet", in the dtype and on the device of actions.

        Its embedding is masked away by the caller.
        """


class DiscreteEmbedding(ActionEmbedding):
    """A learned table, one row per action."""

    def __init__(self, num_actions: int, size: int = 32) -> None:
        super().__init__()
        self.size = size
        self.table = nn.Embedding(num_actions, size)

    def forward(self, action: Int64[Tensor, "*batch"]) -> Float32[Tensor, "*batch E"]:
        """Look the actions up."""
        rows: Tensor = self.table(action)
        return rows

    def none(self, num_envs: int) -> Int64[Tensor, "B"]:
        """Action 0."""
        return self.table.weight.new_zeros(num_envs).long()


class ContinuousEmbedding(ActionEmbedding):
    """A linear map of action vectors in [-1, 1]; worlds clip what lies outside."""

    def __init__(self, dimension: int, size: int = 32) -> None:
        super().__init__()
        self.size = size
        self.linear = nn.Linear(dimension, size)

    def forward(
        self, action: Float32[Tensor, "*batch A"]
    ) -> Float32[Tensor, "*batch E"]:
        """Project the actions."""
        rows: Tensor = self.linear(action.clamp(-1.0, 1.0))
        return rows

    def none(self, num_envs: int) -> Float32[Tensor, "B A"]:
        """Zeros."""
        return self.linear.weight.new_zeros(num_envs, self.linear.in_features)


@runtime_checkable
class Discrete(Protocol):
    """An action space with n actions: a world's, or that of a data set."""

    @property
    def n(self) -> int:
        """How many actions there are."""


@runtime_checkable
class Continuous(Protocol):
    """An action space of vectors: a world's, or that of a data set."""

    @property
    def low(self) -> tuple[float, ...]:
        """The least value of each component."""


ActionSpace = Discrete | Continuous


def embedding_of(actions: ActionSpace, size: int) -> ActionEmbedding:
    """The embedding that fits an action space, with vectors of `size` E."""
    if isinstance(actions, Discrete):
        return DiscreteEmbedding(actions.n, size)
    return ContinuousEmbedding(len(actions.low), size)
