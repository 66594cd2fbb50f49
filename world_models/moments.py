"""Running mean and standard deviation of rows."""

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn

from ssl_objectives.encoders.planned import taken_at_once

# numbers in float64 at a time: what the caches of a CPU hold, what a GPU has room for
_CPU_CHUNK, _CHUNK = 1 << 20, 1 << 25


class RunningMoments(nn.Module):
    """Running mean and variance of all rows, by Chan's parallel update, in float64.

    Args:
        shape: of one row; statistics are kept per entry.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.mean: Tensor
        self.squares: Tensor  # sum of squared deviations
        self.count: Tensor

    @torch.no_grad()
    def update(self, rows: Shaped[Tensor, "N *shape"]) -> None:
        """Add N rows of numbers of any type; none at all changes nothing.

        Many at once: the number of operations follows the size of all rows together,
        in steps of 2^20 numbers on a CPU and 2^25 elsewhere.
        """
        if len(rows) == 0:
            return
        numbers = taken_at_once(rows.device, _CPU_CHUNK, _CHUNK)
        for some in rows.split(max(1, numbers // max(1, self.mean.numel()))):
            chunk = some.double()
            mean = chunk.mean(0)
            total = self.count + len(chunk)
            delta = mean - self.mean
            self.squares += (chunk - mean).square_().sum(0)
            self.squares += delta**2 * self.count * len(chunk) / total
            self.mean += delta * len(chunk) / total
            self.count.copy_(total)

    @property
    def std(self) -> Float32[Tensor, "*shape"]:
        """Population standard deviation; 1 before anything was seen."""
        variance = self.squares / self.count.clamp(min=1.0)
        unit = torch.ones_like(variance)
        return torch.where(self.count > 0, variance.sqrt(), unit).float()
