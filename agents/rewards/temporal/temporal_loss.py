"""The contract of losses that make an embedding of frames follow time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor

Embed = Callable[[Tensor, Tensor], Tensor]
"""The embedding as it is learned: from the numbers of demonstrations and of frames in
them, int64 `[*num]` each, to float `[*num, E]`."""


class TemporalLoss(ABC):
    """What an embedding is to be small in, on frames drawn from demonstrations."""

    @abstractmethod
    def check(self, lengths: Sequence[int]) -> None:
        """Refuse demonstrations that it cannot learn from.

        Raises:
            ConfigError: too few, or too short.
        """

    @abstractmethod
    def __call__(
        self,
        embed: Embed,
        lengths: Int64[Tensor, "n"],
        batch: int,
        generator: Generator,
    ) -> Float[Tensor, ""]:
        """The loss of one batch.

        Args:
            embed: of any frames.
            lengths: frames of each demonstration.
            batch: how many are drawn, of whatever the loss compares.
            generator: of all draws, on the CPU.
        """


def below(bound: Int64[Tensor, "*num"], generator: Generator) -> Int64[Tensor, "*num"]:
    """Uniform whole numbers from 0, each below its own bound (at least 1)."""
    drawn = torch.rand(bound.shape, generator=generator, dtype=torch.float64)
    return (drawn * bound).long()
