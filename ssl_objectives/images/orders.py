"""Batch samplers: which images are in which batch, a function of the step alone.

Nothing is held or saved, so a run that goes on draws what it would have drawn, and each
of several processes knows its own part without asking.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from ssl_objectives.images.random_order import permuted
from ssl_objectives.images.source import ImageSource
from ssl_objectives.refusal import ConfigError


@runtime_checkable
class RowOrder(Protocol):
    """A sampler: the row ids of the batch of each step."""

    def rows(self, step: int) -> Int64[Tensor, "B"]:
        """Different rows, those of the batch of this step (from 0), on the CPU."""


@runtime_checkable
class OrderConfig(Protocol):
    """Describes an order: a dataclass whose fields are its settings."""

    def build(self, source: ImageSource, batch_size: int, seed: int) -> RowOrder:
        """The order for a data set.

        Raises:
            ValueError: there are too few rows, or not of the right kind.
        """


class Shuffled:
    """Every row once per epoch, in another order every epoch.

    What is left at the end of an epoch and fills no batch is left out of it.

    Args:
        num_rows: of the data set.
        batch_size: B.
        seed: equal seeds give equal orders.

    Raises:
        ConfigError: there are fewer rows than fit into a batch.
    """

    def __init__(self, num_rows: int, batch_size: int, seed: int) -> None:
        if num_rows < batch_size:
            raise ConfigError(
                f"--batch-size {batch_size:,} is more than the {num_rows:,} images "
                "there are; make it smaller."
            )
        self.num_rows, self.batch_size, self.seed = num_rows, batch_size, seed

    def rows(self, step: int) -> Int64[Tensor, "B"]:
        """The batch of a step."""
        epoch, place = divmod(step, self.num_rows // self.batch_size)
        begin = place * self.batch_size
        places = np.arange(begin, begin + self.batch_size)
        return torch.from_numpy(permuted(places, self.num_rows, self.seed, epoch))


@dataclass(frozen=True)
class ShuffledConfig:
    """Every image once per epoch, in random order."""

    def build(self, source: ImageSource, batch_size: int, seed: int) -> Shuffled:
        """The order for a data set."""
        return Shuffled(source.num_rows, batch_size, seed)


def own_share(
    rows: Int64[Tensor, "B"], rank: int, num_processes: int
) -> Int64[Tensor, "b"]:
    """The part of a batch that one of several processes takes: equal, in order."""
    each = len(rows) // num_processes
    return rows[rank * each : (rank + 1) * each]


class DistinctLabels:
    """Batches with at most one row per pseudo-label, as in G-SimCLR (2009.12007).

    Rows of one cluster, episode or time bucket are too alike to be each other's
    negatives. An epoch has as many batches as such batches are possible; rows and
    batches are drawn anew in each. Batches are a function of the step, so that there is
    no state to save.

    Deviations: the official order is fixed, and its promise ends with the smallest
    cluster; here large clusters leave rows out instead (`leftover`), other ones in each
    epoch.

    Args:
        labels: pseudo-label of each row; any numbers.
        batch_size: rows in a batch.
        seed: of the order.

    Attributes:
        batches: in an epoch.
        leftover: rows that an epoch leaves out.

    Raises:
        ValueError: there are fewer different labels than rows in a batch.
    """

    def __init__(
        self, labels: Int64[Tensor, "N"], batch_size: int, seed: int = 0
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"a batch has at least one row, not {batch_size}")
        found, inverse, count = labels.cpu().unique(
            return_inverse=True, return_counts=True
        )
        if len(found) < batch_size:
            raise ValueError(
                f"{len(found)} different labels cannot fill a batch of {batch_size} "
                "rows with distinct ones; use smaller batches or more labels"
            )
        self.batch_size, self.seed = batch_size, seed
        self._label, self._count = inverse, count
        self.batches = _most_batches(count, batch_size)
        self.leftover = len(labels) - self.batches * batch_size
        self._drawn: tuple[int, Tensor] = (-1, inverse)

    def rows(self, step: int) -> Int64[Tensor, "batch"]:
        """The rows of a step's batch; steps count on through epochs."""
        epoch, batch = divmod(step, self.batches)
        if self._drawn[0] != epoch:
            self._drawn = (epoch, self._table(epoch))
        return self._drawn[1][batch]

    def _table(self, epoch: int) -> Int64[Tensor, "batches batch"]:
        """All batches of an epoch.

        Rows in the order of their labels, at most one per label and batch, are dealt to
        the batches in turn: rows of a label are nearer than a full turn.
        """
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        rows = torch.randperm(len(self._label), generator=generator)
        rank = torch.randperm(len(self._count), generator=generator)
        order = torch.argsort(rank[self._label[rows]], stable=True)
        rows, label = rows[order], self._label[rows[order]]
        start = torch.zeros_like(self._count)
        start[rank.argsort()[1:]] = self._count[rank.argsort()].cumsum(0)[:-1]
        place = torch.arange(len(rows)) - start[label]
        kept = rows[place < self.batches][: self.batches * self.batch_size]
        dealt = kept.view(self.batch_size, self.batches).T
        return dealt[torch.randperm(self.batches, generator=generator)]


def _most_batches(count: Int64[Tensor, "L"], batch_size: int) -> int:
    """The largest m for which labels, used m times at most each, fill m batches."""
    low, high = 1, int(count.sum()) // batch_size
    while low < high:
        m = (low + high + 1) // 2
        enough = int(count.clamp(max=m).sum()) >= m * batch_size
        low, high = (m, high) if enough else (low, m - 1)
    return low
