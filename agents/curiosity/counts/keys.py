"""Rows as integers: equal keys for what counts as the same."""

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float32, Int64, Shaped, UInt8
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d

from agents.curiosity.sight import FrameSight, Sight
from ssl_objectives.distributed import gathered_rows, num_processes
from ssl_objectives.encoders.chunks import in_chunks

_MOST_BITS = 24  # a table of 2^24 counts is 128 MB


class Keys(nn.Module, ABC):
    """Gives every row an integer; rows of one integer are counted together.

    Args:
        sight: what of a row is looked at.

    Attributes:
        warm_up_steps: random env steps (per env) that it wants to see first.
    """

    warm_up_steps: int = 0

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self.sight = sight

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """See rows of random play, before anything is counted."""

    @torch.no_grad()
    def forward(self, rows: Shaped[Tensor, "R B ..."]) -> Int64[Tensor, "R B"]:
        """The key of everything that `sight` reads."""
        keys: Tensor = in_chunks(self._key, rows.flatten(0, 1), ())
        return keys.view(rows.shape[:2])

    @abstractmethod
    def _key(self, rows: Shaped[Tensor, "N ..."]) -> Int64[Tensor, "N"]:
        """Of some of it."""


def random_weights(numbers: int) -> Int64[Tensor, "N"]:
    """Of a sum that is a key: any integers of 64 bits."""
    low, high = torch.iinfo(torch.int64).min, torch.iinfo(torch.int64).max
    return torch.randint(low, high, (numbers,))


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
        super().__init__(FrameSight(shape))
        channels, height, width = shape
        if cell > min(height, width):
            raise ValueError(
                f"a cell of {cell} pixels is larger than the frame of {height} x "
                f"{width}; take fewer"
            )
        self.cell, self.levels = cell, levels
        numbers = channels * -(-height // cell) * -(-width // cell)
        self.register_buffer("weight", random_weights(numbers))
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


class SignHash(Keys):
    """`sign(A (g(o) - μ))`, as a number of k bits (#Exploration, arXiv 1611.04717).

    A is random and normal: what is alike has one key. Deviation: μ, what g was on
    average in random play, is subtracted. Brightness is never negative, so without it
    most signs would be those of the sums of A's rows whatever is shown.

    Args:
        sight: what is read.
        numbers: of g.
        bits: k.

    Raises:
        ValueError: more bits than a table of counts has room for.
    """

    warm_up_steps = 128

    def __init__(self, sight: Sight, numbers: int, bits: int) -> None:
        super().__init__(sight)
        if not 1 <= bits <= _MOST_BITS:
            raise ValueError(f"bits must be from 1 to {_MOST_BITS}, not {bits}")
        self.bits = bits
        self.register_buffer("projection", torch.randn(numbers, bits))
        self.register_buffer("mean", torch.zeros(numbers, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.float64))
        self.projection: Tensor
        self.mean: Tensor
        self.seen: Tensor

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """Let μ follow."""
        looks = self._look(self.sight.of(obs, vector).flatten(0, 1)).double()
        # equally many rows in every process
        mean = gathered_rows(looks.mean(0, keepdim=True), 0).mean(0)
        rows = len(looks) * num_processes()
        self.seen += rows
        self.mean += (mean - self.mean) * rows / self.seen

    @abstractmethod
    def _look(self, rows: Shaped[Tensor, "N ..."]) -> Float32[Tensor, "N G"]:
        """g, of some rows."""

    def _key(self, rows: Shaped[Tensor, "N ..."]) -> Int64[Tensor, "N"]:
        signs = (self._look(rows) - self.mean.float()) @ self.projection > 0
        places = torch.arange(self.bits, device=signs.device)
        return (signs.long() << places).sum(-1)


@final
class SimHash(SignHash):
    """Of frames: g averages them over a grid of squares.

    Args:
        shape: (C, H, W).
        bits: k.
        grid: squares along each side.

    Raises:
        ValueError: more bits than a table of counts has room for.
    """

    def __init__(
        self, shape: tuple[int, int, int], bits: int = 16, grid: int = 12
    ) -> None:
        super().__init__(FrameSight(shape), shape[0] * grid**2, bits)
        self.grid = grid

    def _look(self, rows: UInt8[Tensor, "N C H W"]) -> Float32[Tensor, "N G"]:
        return adaptive_avg_pool2d(rows.float() / 255, self.grid).flatten(1)
