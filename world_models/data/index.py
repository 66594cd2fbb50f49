"""Row index of a data set: which shard holds which rows of which stream.

Rows are numbered through: stream 0 first, then stream 1, … A row's number is its id.
Appending streams changes the number of no other row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.shard import Shard


@dataclass(frozen=True)
class Piece:
    """Rows `start … stop-1` of shard `shard`."""

    shard: int
    start: int
    stop: int


@dataclass(frozen=True)
class RowIndex:
    """Finds rows by number: segments in the order of row numbers.

    Attributes:
        segment_begin: [S+1] number of the first row of each segment, and the total.
        shard: [S] which shard it lies in.
        offset: [S] where it begins there.
        stream_begin: [E+1] number of the first row of each stream, and the total.
    """

    segment_begin: NDArray[np.int64]
    shard: NDArray[np.int64]
    offset: NDArray[np.int64]
    stream_begin: NDArray[np.int64]

    @staticmethod
    def of(shards: Sequence[Shard]) -> "RowIndex":
        """The index of all rows of all shards.

        Raises:
            DatasetError: rows of a stream are missing, or are there twice.
        """
        tables = [x.segments for x in shards]
        numbers = np.repeat(np.arange(len(tables)), [len(x) for x in tables])
        offsets = [np.cumsum(x[:, 2]) - x[:, 2] for x in tables]
        empty = np.zeros((0, 3), np.int64)
        stream, start, count = np.concatenate([empty, *tables]).T
        order = np.lexsort((start, stream))
        stream, start, count = stream[order], start[order], count[order]
        shard = numbers[order]
        begins = np.ones(len(order), np.bool_)
        begins[1:] = stream[1:] != stream[:-1]
        expected = np.zeros(len(order), np.int64)
        expected[1:] = start[:-1] + count[:-1]
        expected[begins] = 0
        wrong = np.flatnonzero(start != expected)
        if len(wrong):
            i = wrong[0]
            raise DatasetError(
                f"{shards[shard[i]].path} does not fit its neighbours: it has rows of "
                f"stream {stream[i]} from {start[i]:,} on, where {expected[i]:,} is "
                "next. Shards of another data set were mixed in, or some are missing."
            )
        if not np.array_equal(stream[begins], np.arange(begins.sum())):
            missing = np.setdiff1d(np.arange(stream.max() + 1), stream)
            raise DatasetError(
                f"{shards[0].path.parent} has no rows of stream {missing[0]}."
            )
        total = int(count.sum())
        begin = np.append(np.cumsum(count) - count, total).astype(np.int64)
        offset = np.concatenate([np.zeros(0, np.int64), *offsets])[order]
        return RowIndex(begin, shard, offset, np.append(begin[:-1][begins], total))

    @property
    def num_rows(self) -> int:
        """Rows of all streams."""
        return int(self.segment_begin[-1])

    @property
    def num_streams(self) -> int:
        """E, the number of streams."""
        return len(self.stream_begin) - 1

    def pieces(self, row: NDArray[np.int64], num: int) -> Iterator[list[Piece]]:
        """Where the rows `row[i] … row[i]+num-1` lie, for each i."""
        segments = np.searchsorted(self.segment_begin, row, side="right") - 1
        for first, begin in zip(segments.tolist(), row.tolist(), strict=True):
            pieces = []
            segment, end = first, begin + num
            while begin < end:
                stop = min(end, int(self.segment_begin[segment + 1]))
                at = (
                    int(self.offset[segment]) + begin - int(self.segment_begin[segment])
                )
                pieces.append(Piece(int(self.shard[segment]), at, at + stop - begin))
                begin, segment = stop, segment + 1
            yield pieces


@dataclass(frozen=True)
class RegularStarts:
    """Numbered positions at every `stride`-th row of each stream where a window fits.

    Attributes:
        stream_begin: of the index.
        begin: [E+1] how many positions the streams before have, and the total.
        stride: rows between two positions.
    """

    stream_begin: NDArray[np.int64]
    begin: NDArray[np.int64]
    stride: int

    @staticmethod
    def of(index: RowIndex, num_rows: int, stride: int) -> "RegularStarts":
        """Positions of windows of `num_rows` rows; windows never leave a stream."""
        room = np.diff(index.stream_begin) - num_rows
        each = np.where(room >= 0, room // stride + 1, 0)
        begin = np.append(0, np.cumsum(each)).astype(np.int64)
        return RegularStarts(index.stream_begin, begin, stride)

    def __len__(self) -> int:
        """Positions in all streams."""
        return int(self.begin[-1])

    def __getitem__(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row numbers at which the windows `number` begin."""
        stream = np.searchsorted(self.begin, number, side="right") - 1
        return self.stream_begin[stream] + (number - self.begin[stream]) * self.stride


@dataclass(frozen=True)
class ChosenStarts:
    """Positions given one by one, such as the first rows of episodes."""

    row: NDArray[np.int64]

    @staticmethod
    def of(index: RowIndex, row: NDArray[np.int64], num_rows: int) -> "ChosenStarts":
        """Those of `row` from which `num_rows` rows of the same stream follow."""
        stream = np.searchsorted(index.stream_begin, row, side="right")
        return ChosenStarts(row[row + num_rows <= index.stream_begin[stream]])

    def __len__(self) -> int:
        """How many there are."""
        return len(self.row)

    def __getitem__(self, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row numbers at which the windows `number` begin."""
        return self.row[number]


Starts = RegularStarts | ChosenStarts
