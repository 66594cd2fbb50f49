"""Where the random numbers of a batch come from: one stream, or one for each row."""

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64
_CALL = 2**20  # numbers that a row may draw in one call


class Chance(ABC):
    """Draws numbers for a batch of rows."""

    device: torch.device

    @abstractmethod
    def uniform(self, *shape: int) -> Float32[Tensor, "*shape"]:
        """Numbers in [0, 1), rows first; other ones in every call."""

    @abstractmethod
    def each(self, count: int) -> "Chance":
        """Chance for `count` rows in place of each, side by side."""


@final
class Stream(Chance):
    """One stream for all rows: what a row draws depends on how many there are."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator, self.device = generator, generator.device

    def uniform(self, *shape: int) -> Float32[Tensor, "*shape"]:
        """See `Chance.uniform`."""
        return torch.rand(*shape, generator=self._generator, device=self.device)

    def each(self, count: int) -> "Stream":
        """The same stream."""
        return self


@final
class Keyed(Chance):
    """Numbers of each row follow from its key and from the calls before, alone.

    So a row draws the same whatever lies beside it, and nothing has to be saved but
    keys. Each number is SplitMix64's mixing of a place in a sequence that begins at
    the key (Steele et al. 2014, doi 10.1145/2660193.2660195); its upper 24 bits are
    told.

    Args:
        key: see `mixed`; equal keys draw equal numbers.
    """

    def __init__(self, key: Int64[Tensor, "B"]) -> None:
        self.key, self.device = key, key.device
        self._calls = 0

    def uniform(self, *shape: int) -> Float32[Tensor, "*shape"]:
        """See `Chance.uniform`.

        Raises:
            ValueError: there are not as many rows as keys.
        """
        if not shape or shape[0] != len(self.key):
            raise ValueError(f"{len(self.key)} rows draw numbers, not {shape}")
        each = 1
        for size in shape[1:]:
            each *= size
        place = torch.arange(each, device=self.device) + _CALL * self._calls
        self._calls += 1
        drawn = _shifted(mixed(self.key.unsqueeze(1), place), 40)
        return (drawn.float() / 2**24).view(shape)

    def each(self, count: int) -> "Keyed":
        """See `Chance.each`; keys of their own, other ones in every call."""
        number = torch.arange(count, device=self.device) + _CALL * self._calls
        self._calls += 1
        return Keyed(mixed(self.key.unsqueeze(1), number, _CALL).flatten())


def mixed(*numbers: Int64[Tensor, "..."] | int) -> Int64[Tensor, "..."]:
    """A key of several numbers in their order; tensors are broadcast.

    Raises:
        TypeError: none of them is a tensor, which would tell the device.
    """
    device = next((x.device for x in numbers if isinstance(x, Tensor)), None)
    if device is None:
        raise TypeError("One of the numbers must be a tensor")
    key = torch.zeros((), dtype=torch.int64, device=device)
    for number in numbers:
        key = _mix(key + _GOLDEN + number)
    return key


def _mix(x: Int64[Tensor, "..."]) -> Int64[Tensor, "..."]:
    """SplitMix64's: every bit depends on every bit; products wrap round."""
    x = (x ^ _shifted(x, 30)) * _FIRST
    x = (x ^ _shifted(x, 27)) * _SECOND
    return x ^ _shifted(x, 31)


def _shifted(x: Int64[Tensor, "..."], bits: int) -> Int64[Tensor, "..."]:
    """To the right, with zeros from the left."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
