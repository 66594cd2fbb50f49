"""Mean and standard deviation that are gathered for a while, and then stay."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

_RATE, _LEAST = 0.01, 1e-3


@final
class SettledMoments(nn.Module):
    """`(x - m) / s`: m and s follow rows for so many steps, and never move again.

    What is predicted should not drift: errors on rows in units of moving moments rise
    again as soon as the data narrow. Of step n the moments take `max(1/n, 0.01)`, so
    the first step's are those of its rows, as are the first hundred's on average.

    Args:
        size: numbers in a row.
        steps: until they stay, at least 1.
    """

    def __init__(self, size: int, steps: int) -> None:
        if steps < 1:
            raise ValueError(f"steps must be at least 1, not {steps}")
        super().__init__()
        self.steps = steps
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.mean: Tensor
        self.std: Tensor
        self.count: Tensor

    def forward(self, rows: Float32[Tensor, "*batch D"]) -> Float32[Tensor, "*batch D"]:
        """In units of what was gathered; as they are before the first step."""
        return (rows - self.mean) / self.std

    @torch.no_grad()
    def follow(self, standardized: Sequence[Float32[Tensor, "*batch D"]]) -> None:
        """Another gradient step, on rows that `forward` gave since the last one.

        A standard deviation below 0.001 counts as that. Asks no device for a number.
        """
        self.count += 1
        if not standardized:
            return
        rows = torch.cat([x.flatten(0, -2) for x in standardized])
        rows = rows * self.std + self.mean
        rate = (1.0 / self.count).clamp(min=_RATE) * (self.count <= self.steps)
        self.mean.lerp_(rows.mean(0), rate)
        spread = rows.std(0, correction=0).clamp(min=_LEAST)
        self.std.lerp_(spread, rate)
