"""Reads rows of a data set, as NumPy arrays copied out of its shards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from world_models.data.format import DatasetSpec
from world_models.data.index import RowIndex
from world_models.data.memory_maps import MappedFiles
from world_models.data.shard import Shard

_BLOCK_BYTES = 32 << 20


@dataclass(frozen=True)
class RowReader:
    """Copies rows wherever they lie.

    Attributes:
        spec: what each row holds.
        shards: the parts on disk.
        index: where which row lies.
        maps: the files that are open.
    """

    spec: DatasetSpec
    shards: Sequence[Shard]
    index: RowIndex
    maps: MappedFiles = field(default_factory=MappedFiles)

    def read(
        self, row: NDArray[np.int64], num_rows: int, names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Columns `[num_rows, B, …]` of the rows from each of B rows on, copied.

        Args:
            row: int64 [B].
            num_rows: rows of each window; all must exist.
            names: which columns of `spec.columns`.
        """
        columns = self.spec.columns
        places = list(self.index.pieces(row, num_rows))
        result = {}
        for name in names:
            for x in chain.from_iterable(places):
                self.maps.expect(self.shards[x.shard].files[name], x.start, x.stop)
        for name in names:
            column = columns[name]
            out = np.empty((num_rows, len(row), *column.shape), column.dtype)
            for i, pieces in enumerate(places):
                done = 0
                for x in pieces:
                    file = self.shards[x.shard].files[name]
                    part = self.maps.rows(file, x.start, x.stop)
                    out[done : done + len(part), i] = part
                    done += len(part)
            result[name] = out
        return result

    def blocks(
        self, stream: int | None = None, names: Sequence[str] | None = None
    ) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """All rows in order, in blocks: (number of the first row, columns `[n, …]`).

        Args:
            stream: only this one's rows; default: all streams, one behind the other.
            names: which columns; default: all.
        """
        names = tuple(self.spec.columns) if names is None else names
        begins = self.index.stream_begin
        if stream is None:
            row, end = 0, self.index.num_rows
        else:
            row, end = int(begins[stream]), int(begins[stream + 1])
        row_bytes = sum(self.spec.columns[x].num_bytes for x in names)
        step = max(1, _BLOCK_BYTES // row_bytes)
        while row < end:
            num = min(step, end - row)
            block = self.read(np.array([row]), num, names)
            yield row, {name: x[:, 0] for name, x in block.items()}
            row += num
