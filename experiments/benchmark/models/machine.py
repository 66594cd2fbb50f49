"""What the machine itself can do: how fast it multiplies matrices and copies memory.

Arms like all others, in the same rounds, so that what a step costs is compared with
what the machine could do a moment earlier or later.
"""

from collections.abc import Iterator, Sequence
from typing import final

import torch

from experiments.benchmark.timing import Arm
from ssl_objectives.encoders.planned import taken_at_once

COPY = "copy"


def multiply_name(dtype: torch.dtype) -> str:
    """The name of the arm that multiplies in a number format."""
    return f"multiply {format_name(dtype)}"


def format_name(dtype: torch.dtype) -> str:
    """The format's name without its package: `float32`."""
    return str(dtype).removeprefix("torch.")


@final
class MultiplyArm(Arm):
    """Products of two square matrices large enough to be bound by arithmetic."""

    unit = "operations"

    def __init__(
        self, dtype: torch.dtype, size: int, repeats: int, device: torch.device
    ) -> None:
        self.name = multiply_name(dtype)
        self.about = f"{repeats} products of {size} × {size} matrices"
        self.units = repeats * 2 * size**3
        self._repeats = repeats
        self._left, self._right, self._out = (
            torch.ones(size, size, dtype=dtype, device=device) for _ in range(3)
        )

    def update(self) -> None:
        """All products, into the same memory."""
        for _ in range(self._repeats):
            torch.mm(self._left, self._right, out=self._out)


@final
class CopyArm(Arm):
    """Memory copied from one place to another, too large for any cache."""

    name, unit = COPY, "bytes"

    def __init__(self, num_bytes: int, device: torch.device) -> None:
        self.about = f"{num_bytes:,} bytes read and as many written"
        self.units = 2 * num_bytes
        self._from = torch.ones(num_bytes // 4, dtype=torch.int32, device=device)
        self._to = torch.zeros_like(self._from)

    def update(self) -> None:
        """Copy once."""
        self._to.copy_(self._from)


def machine_arms(formats: Sequence[torch.dtype], device: torch.device) -> Iterator[Arm]:
    """A copy, and a product in each number format."""
    yield CopyArm(taken_at_once(device, 1 << 28, 1 << 32), device)
    for dtype in formats:
        yield MultiplyArm(dtype, taken_at_once(device, 2048, 8192), 4, device)
