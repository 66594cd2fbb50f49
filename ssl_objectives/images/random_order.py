"""Shuffling without a stored permutation: a random order, resumable anywhere."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError

_ROUNDS = 6


class EpochOrder(Iterator[NDArray[np.int64]]):
    """Numbers 0 … n-1 in batches, each once per epoch, in another order every epoch.

    Iterating gives the rest of the current epoch; iterating again gives the next one.
    What is left at the end of an epoch and fills no batch is left out; in another epoch
    it will be something else.

    Args:
        num_items: n.
        batch_size: numbers in a batch.
        seed: equal seeds give equal orders.

    Raises:
        DatasetError: there are fewer items than fit into one batch.
    """

    def __init__(self, num_items: int, batch_size: int, seed: int) -> None:
        if batch_size < 1:
            raise ValueError(f"a batch has at least one item, not {batch_size}")
        if num_items < batch_size:
            raise DatasetError(
                f"A batch of {batch_size:,} was asked for, but there are only "
                f"{num_items:,} to draw from. Use smaller batches or shorter windows."
            )
        self.num_items, self.batch_size, self.seed = num_items, batch_size, seed
        self.epoch, self.position = 0, 0  # position counts batches

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches."""
        return self.num_items // self.batch_size

    def __iter__(self) -> "EpochOrder":
        """The rest of this epoch."""
        return self

    def __next__(self) -> NDArray[np.int64]:
        """The next batch; ends once per epoch."""
        if self.position >= self.batches_per_epoch:
            self.epoch, self.position = self.epoch + 1, 0
            raise StopIteration
        begin = self.position * self.batch_size
        self.position += 1
        places = np.arange(begin, begin + self.batch_size)
        return permuted(places, self.num_items, self.seed, self.epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the order is, and what it is an order of."""
        return {
            "num_items": self.num_items,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "epoch": self.epoch,
            "position": self.position,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was asked.

        Raises:
            DatasetError: the state is of another number of items or batch size.
        """
        for name in ("num_items", "batch_size"):
            if state[name] != getattr(self, name):
                raise DatasetError(
                    f"The saved order has {name} {state[name]:,}, this one has "
                    f"{getattr(self, name):,}: the data set or its windows changed."
                )
        self.seed = int(state["seed"])
        self.epoch, self.position = int(state["epoch"]), int(state["position"])


def permuted(
    places: NDArray[np.int64], num_items: int, seed: int, epoch: int
) -> NDArray[np.int64]:
    """What stands at `places` of a random order of 0 … num_items-1.

    A Feistel network of hashes permutes the numbers below 4^h, the least such power
    that covers them all; where it leads out of range it is applied again, which leaves
    a permutation of the range. No state, so any place of any epoch costs the same.
    """
    half = np.uint64(max(1, (max(1, num_items - 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    keys = _hash(np.arange(1, _ROUNDS + 1, dtype=np.uint64) ^ _key(seed, epoch))
    result = places.astype(np.uint64)
    outside = np.ones(len(places), np.bool_)
    while outside.any():
        left, right = result[outside] >> half, result[outside] & mask
        for key in keys:
            left, right = right, left ^ (_hash(right ^ key) & mask)
        result[outside] = (left << half) | right
        outside = result >= np.uint64(num_items)
    return result.astype(np.int64)


def _key(seed: int, epoch: int) -> np.uint64:
    pair = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    return np.uint64(pair[0])


def _hash(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's mixing of bits."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
