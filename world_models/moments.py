"""Running mean and standard deviation of rows."""

import torch
from jaxtyping import Float32, Float64, Shaped
from torch import Tensor, nn

from ssl_objectives.distributed import gathered_rows, num_processes
from ssl_objectives.encoders.planned import taken_at_once

# numbers in float64 at a time: what the caches of a CPU hold, what a GPU has room for
_CPU_CHUNK, _CHUNK = 1 << 20, 1 << 25


class RunningMoments(nn.Module):
    """Running mean and variance of all rows, by Chan's parallel update, in float64.

    With several processes those of the rows of all, the same in each.

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

        All processes must do so at once, each with rows of its own.

        Many at once: the number of operations follows the size of all rows together,
        in steps of 2^20 numbers on a CPU and 2^25 elsewhere.
        """
        if num_processes() == 1:
            self._add(rows)
            return
        own = RunningMoments(tuple(self.mean.shape)).to(self.mean.device)
        own._add(rows)
        count, mean, squares = (
            gathered_rows(x[None], 0) for x in (own.count, own.mean, own.squares)
        )
        for part in zip(count, mean, squares, strict=True):
            self._merge(*part)

    def _add(self, rows: Shaped[Tensor, "N *shape"]) -> None:
        if len(rows) == 0:
            return
        numbers = taken_at_once(rows.device, _CPU_CHUNK, _CHUNK)
        for some in rows.split(max(1, numbers // max(1, self.mean.numel()))):
            chunk = some.double()
            mean = chunk.mean(0)
            squares = (chunk - mean).square_().sum(0)
            self._merge(len(chunk), mean, squares)

    def _merge(
        self,
        count: Float64[Tensor, ""] | int,
        mean: Float64[Tensor, "*shape"],
        squares: Float64[Tensor, "*shape"],
    ) -> None:
        """Take in rows of which these are known; none of them change nothing."""
        total = self.count + count
        delta, some = mean - self.mean, total.clamp(min=1.0)
        self.squares += squares
        self.squares += delta**2 * self.count * count / some
        self.mean += delta * count / some
        self.count.copy_(total)

    @property
    def std(self) -> Float32[Tensor, "*shape"]:
        """Population standard deviation; 1 before anything was seen."""
        variance = self.squares / self.count.clamp(min=1.0)
        unit = torch.ones_like(variance)
        return torch.where(self.count > 0, variance.sqrt(), unit).float()
