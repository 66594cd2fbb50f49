"""Frames as integers: equal keys for what counts as the same."""

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from ssl_objectives.distributed import gathered_rows, num_processes
from ssl_objectives.encoders.chunks import in_chunks

_MOST_BITS = 24  # a table of 2^24 counts is 128 MB


class Keys(nn.Module, ABC):
    """Gives every frame an integer; frames of one integer are counted together.

    Attributes:
        warm_up_steps: random env steps (per env) that it wants to see first.
    """

    warm_up_steps: int = 0

    def warm_up(self, obs: UInt8[Tensor, "R B C H W"]) -> None:
        """See rows of random play, before anything is counted."""

    @torch.no_grad()
    def forward(self, obs: UInt8[Tensor, "R B C H W"]) -> Int64[Tensor, "R B"]:
        """The key of every frame."""
        rows: Tensor = in_chunks(self._key, obs.flatten(0, 1), ())
        return rows.view(obs.shape[:2])

    @abstractmethod
    def _key(self, rows: UInt8[Tensor, "N C H W"]) -> Int64[Tensor, "N"]:
        """Of some frames."""


@final
class FrameKeys(Keys):
    """`Σ_i w_i x_i` modulo 2^64, x the frame's numbers and w random.

    Two frames that differ by d somewhere have one key with a probability of at most
    `d / 2^64`: for a trillion frames, counts are exact.

    Args:
        shape: (C, H, W).
        cell: side of the squares of pixels that are averaged first; 1 for none.
        levels: of brightness that are told apart, at most 256.

    Raises:
        ValueError: cells are larger than the frame.
    """

    def __init__(
        self, shape: tuple[int, int, int], cell: int = 1, levels: int = 256
    ) -> None:
        super().__init__()
        channels, height, width = shape
        if cell > min(height, width):
            raise ValueError(
                f"a cell of {cell} pixels is larger than the frame of {height} x "
                f"{width}; take fewer"
            )
        self.cell, self.levels = cell, levels
        numbers = channels * -(-height // cell) * -(-width // cell)
        low, high = torch.iinfo(torch.int64).min, torch.iinfo(torch.int64).max
        self.register_buffer("weight", torch.randint(low, high, (numbers,)))
        self.weight: Tensor

    def _key(self, rows: UInt8[Tensor, "N C H W"]) -> Int64[Tensor, "N"]:
        numbers = rows
        if self.cell > 1:
            mean = avg_pool2d(
                rows.float(), self.cell, ceil_mode=True, count_include_pad=False
            )
            # a third of a grey level, so that rounding does not part what is equal
            numbers = (mean + 1 / 3).floor()
        if self.levels < 256:
            numbers = numbers.long() * self.levels // 256
        return (numbers.long().flatten(1) * self.weight).sum(-1)


@final
class SimHash(Keys):
    """`sign(A (g(o) - μ))`, as a number of k bits (#Exploration, arXiv 1611.04717).

    g averages the frame over a grid of squares; A is random and normal. Frames that
    look alike have one key. Deviation: μ, what g was on average in random play, is
    subtracted. Brightness is never negative, so without it most signs would be those
    of the sums of A's rows whatever is shown.

    Args:
        shape: (C, H, W).
        bits: k.
        grid: squares along each side.

    Raises:
        ValueError: more bits than a table of counts has room for.
    """

    warm_up_steps = 128

    def __init__(
        self, shape: tuple[int, int, int], bits: int = 16, grid: int = 12
    ) -> None:
        super().__init__()
        if not 1 <= bits <= _MOST_BITS:
            raise ValueError(f"bits must be from 1 to {_MOST_BITS}, not {bits}")
        self.grid, self.bits = grid, bits
        numbers = shape[0] * grid**2
        self.register_buffer("projection", torch.randn(numbers, bits))
        self.register_buffer("mean", torch.zeros(numbers, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.float64))
        self.projection: Tensor
        self.mean: Tensor
        self.seen: Tensor

    def warm_up(self, obs: UInt8[Tensor, "R B C H W"]) -> None:
        """Let μ follow."""
        looks = self._look(obs.flatten(0, 1)).double()
        # equally many rows in every process
        mean = gathered_rows(looks.mean(0, keepdim=True), 0).mean(0)
        rows = len(looks) * num_processes()
        self.seen += rows
        self.mean += (mean - self.mean) * rows / self.seen

    def _look(self, rows: UInt8[Tensor, "N C H W"]) -> Float32[Tensor, "N G"]:
        return adaptive_avg_pool2d(rows.float() / 255, self.grid).flatten(1)

    def _key(self, rows: UInt8[Tensor, "N C H W"]) -> Int64[Tensor, "N"]:
        signs = (self._look(rows) - self.mean.float()) @ self.projection > 0
        places = torch.arange(self.bits, device=signs.device)
        return (signs.long() << places).sum(-1)
