"""How often each key was seen in the whole run, by all envs of all processes."""

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Bool, Int64
from torch import Tensor, nn

_NOBODY = torch.iinfo(torch.int64).max  # the key of free places


class CountTable(nn.Module, ABC):
    """Counts keys, and tells how often each was seen."""

    @abstractmethod
    def add(self, keys: Int64[Tensor, "N"], new: Bool[Tensor, "N"]) -> None:
        """Count those that are new."""

    @abstractmethod
    def of(self, keys: Int64[Tensor, "N"]) -> Int64[Tensor, "N"]:
        """How often each was seen; 0 of those that are not known."""

    @property
    @abstractmethod
    def distinct(self) -> Int64[Tensor, ""]:
        """How many different ones are known."""


@final
class DirectTable(CountTable):
    """A count for every key that there can be.

    Args:
        bits: keys are from 0 to `2^bits - 1`.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(2**bits, dtype=torch.int64))
        self.counts: Tensor

    def add(self, keys: Int64[Tensor, "N"], new: Bool[Tensor, "N"]) -> None:
        """Count those that are new."""
        self.counts.index_add_(0, keys, new.long())

    def of(self, keys: Int64[Tensor, "N"]) -> Int64[Tensor, "N"]:
        """How often each was seen."""
        return self.counts[keys]

    @property
    def distinct(self) -> Int64[Tensor, ""]:
        """How many different ones were seen."""
        return (self.counts > 0).sum()


@final
class SortedTable(CountTable):
    """Any keys of 64 bits, in order, with their counts; exact until it is full.

    Of more keys than it has places, those seen most often stay, and of equals the
    smaller ones. A forgotten key counts from 0 when it comes again.

    Args:
        places: different keys that are known at a time.
    """

    def __init__(self, places: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.full((places,), _NOBODY))
        self.register_buffer("counts", torch.zeros(places, dtype=torch.int64))
        self.keys: Tensor  # ascending; free places behind
        self.counts: Tensor

    def add(self, keys: Int64[Tensor, "N"], new: Bool[Tensor, "N"]) -> None:
        """Count those that are new: one sort, whatever the keys."""
        merged = torch.cat([self.keys, keys.masked_fill(~new, _NOBODY)])
        added = torch.cat([self.counts, new.long()])
        merged, order = merged.sort(stable=True)
        begins = torch.ones_like(merged, dtype=torch.bool)
        begins[1:] = merged[1:] != merged[:-1]
        group = begins.long().cumsum(0) - 1
        totals = torch.zeros_like(added).index_add_(0, group, added[order])
        # free places sum to 0 and go last
        own = torch.full_like(merged, _NOBODY).scatter_(0, group, merged)
        places = len(self.keys)
        kept = totals.sort(descending=True, stable=True).indices[:places]
        chosen, back = own[kept].sort(stable=True)
        self.keys.copy_(chosen)
        self.counts.copy_(totals[kept][back])

    def of(self, keys: Int64[Tensor, "N"]) -> Int64[Tensor, "N"]:
        """How often each was seen; 0 of those that are not known."""
        place = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return self.counts[place] * (self.keys[place] == keys)

    @property
    def distinct(self) -> Int64[Tensor, ""]:
        """How many different ones are known."""
        return (self.counts > 0).sum()
