"""The least time a step could take: its operations and bytes, at full speed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from experiments.benchmark.models.machine import COPY, format_name, multiply_name
from experiments.benchmark.timing import Arm, Timing, speeds

_FLOAT32 = 4  # bytes of a weight, of a gradient and of each of Adam's moments


@dataclass(frozen=True)
class Work:
    """What a computation cannot do without.

    Attributes:
        operations: multiplications and additions of matrix products and convolutions,
            by number format.
        num_bytes: that pass through memory at least once.
    """

    operations: Mapping[torch.dtype, int]
    num_bytes: int

    @classmethod
    def forward(
        cls, operations: Mapping[torch.dtype, int], frames: int, model: nn.Module
    ) -> Self:
        """Frames (in bytes) and weights are read."""
        return cls(operations, frames + _FLOAT32 * _count(model, trained=True))

    @classmethod
    def step(
        cls, operations: Mapping[torch.dtype, int], frames: int, model: nn.Module
    ) -> Self:
        """Frames are read; weights, Adam's moments and a target read and written."""
        weights = 3 * _count(model, trained=True) + _count(model, trained=False)
        return cls(operations, frames + 2 * _FLOAT32 * weights)

    def seconds(self, rates: Mapping[str, float]) -> float:
        """The larger of the two times: of arithmetic, and of memory.

        Args:
            rates: operations and bytes per second, by the names of the machine's arms.
        """
        arithmetic = sum(
            num / rates[multiply_name(dtype)] for dtype, num in self.operations.items()
        )
        return max(arithmetic, self.num_bytes / rates[COPY])

    def to_json(self) -> dict[str, Any]:
        """For the results."""
        return {
            "operations": {format_name(k): x for k, x in self.operations.items()},
            "bytes": self.num_bytes,
        }


class CountedArm(Arm):
    """An arm that says what its work cannot do without.

    Attributes:
        work: of one update.
    """

    work: Work


def floors(work: Work, timings: Sequence[Timing]) -> list[float]:
    """Least seconds of some work, round by round, as the machine was then."""
    names = [COPY, *map(multiply_name, work.operations)]
    by_round = zip(*(speeds(timings, x) for x in names), strict=True)
    return [work.seconds(dict(zip(names, x, strict=True))) for x in by_round]


def _count(model: nn.Module, trained: bool) -> int:
    return sum(x.numel() for x in model.parameters() if x.requires_grad is trained)
