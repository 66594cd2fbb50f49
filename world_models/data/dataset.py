"""Reading a data set: windows of `[T+1, B]` rows, single rows, whole streams.

    dataset = open_dataset("data/key-door")
    for traj in dataset.windows(num_steps=32, batch_size=16, seed=0):
        model.loss(traj, model.start(16))

The format is described in `dataset_format`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ssl_objectives.images.random_order import EpochOrder
from ssl_objectives.refusal import DatasetError
from world_models.data.description import DESCRIPTION, read_description
from world_models.data.format import FACTS, DatasetSpec
from world_models.data.index import ChosenStarts, RegularStarts, RowIndex, Starts
from world_models.data.reader import RowReader
from world_models.data.shard import open_shard, shard_paths, verify_shard
from world_models.data.windows import ImageBatches, Windows


@dataclass(frozen=True)
class Dataset:
    """A data set whose files are complete; frames stay on disk until asked for.

    Attributes:
        path: its folder.
        spec: what each row holds.
        source: where the data come from, as whoever wrote it says.
        finished: False where the writer was killed or is still at work; then these are
            the rows that were complete when the data set was opened.
        reader: gives rows as NumPy arrays.
    """

    path: Path
    spec: DatasetSpec
    source: Mapping[str, Any]
    finished: bool
    reader: RowReader

    @property
    def index(self) -> RowIndex:
        """Where which row lies."""
        return self.reader.index

    @property
    def num_rows(self) -> int:
        """Rows of all streams."""
        return self.index.num_rows

    @property
    def num_streams(self) -> int:
        """Streams; windows never cross from one into another."""
        return self.index.num_streams

    @property
    def num_shards(self) -> int:
        """Parts on disk."""
        return len(self.reader.shards)

    def windows(
        self,
        num_steps: int,
        batch_size: int,
        seed: int = 0,
        *,
        stride: int | None = None,
        at_first: bool = False,
        facts: Sequence[str] = (),
        device: torch.device | str = "cpu",
    ) -> Windows:
        """Batches of T transitions at random places, each place once per epoch.

        Args:
            num_steps: T.
            batch_size: B, windows in a batch.
            seed: of the order.
            stride: rows between two places; default: T, so that an epoch reads every
                transition about once. 1 gives windows everywhere.
            at_first: windows begin at first rows of episodes instead.
            facts: names of the facts to read as well.
            device: where the tensors go.

        Raises:
            DatasetError: no such fact, or too few places for one batch.
        """
        starts = self.starts(num_steps + 1, stride or max(1, num_steps), at_first)
        order = EpochOrder(len(starts), batch_size, seed)
        self._check_facts(facts)
        return Windows(self.reader, starts, order, num_steps, tuple(facts), device)

    def images(
        self,
        batch_size: int,
        seed: int = 0,
        *,
        facts: Sequence[str] = (),
        device: torch.device | str = "cpu",
    ) -> ImageBatches:
        """Batches of single frames with their row ids, each once per epoch.

        Raises:
            DatasetError: no such fact, or too few rows for one batch.
        """
        self._check_facts(facts)
        order = EpochOrder(self.num_rows, batch_size, seed)
        return ImageBatches(self.reader, order, tuple(facts), device)

    def starts(self, num_rows: int, stride: int = 1, at_first: bool = False) -> Starts:
        """Places where windows of `num_rows` rows can begin."""
        if at_first:
            return ChosenStarts.of(self.index, self.first_rows(), num_rows)
        return RegularStarts.of(self.index, num_rows, stride)

    def first_rows(self) -> NDArray[np.int64]:
        """Numbers of all rows that are the first of an episode; reads a byte a row."""
        parts = [
            start + np.flatnonzero(block["first"])
            for start, block in self.reader.blocks(names=("first",))
        ]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    def verify(self, advance: Callable[[int], None] = lambda num_bytes: None) -> None:
        """Read everything and compare checksums.

        Args:
            advance: told how many more bytes have been read.

        Raises:
            DatasetError: names the first file that is damaged.
        """
        for shard in self.reader.shards:
            verify_shard(shard, advance)

    def _check_facts(self, facts: Sequence[str]) -> None:
        unknown = [x for x in facts if FACTS + x not in self.spec.columns]
        if unknown:
            known = ", ".join(self.spec.facts) or "none"
            raise DatasetError(
                f"{self.path} has no facts {', '.join(unknown)}; it has {known}."
            )


def open_dataset(path: Path | str) -> Dataset:
    """Open a data set: looks at all files' headers and sizes, and reads no frame.

    Raises:
        DatasetError: there is none, or a file is missing, cut off, or of another shape,
            dtype or format; the message names it. Damage inside a file of the right
            size is found by `Dataset.verify`.
    """
    folder = Path(path)
    description = read_description(folder)
    columns = description.spec.columns
    shards = [open_shard(x, columns) for x in shard_paths(folder)]
    index = RowIndex.of(shards)
    if description.written not in (None, (len(shards), index.num_rows)):
        raise DatasetError(
            f"{folder / DESCRIPTION} speaks of {description.written[0]} shards with "
            f"{description.written[1]:,} rows, but there are {len(shards)} with "
            f"{index.num_rows:,}. Copy the data set again."
        )
    if not index.num_rows:
        raise DatasetError(
            f"{folder} has no complete shard: the writer was stopped before its first. "
            "Delete the folder and write it again."
        )
    return Dataset(
        path=folder,
        spec=description.spec,
        source=description.source,
        finished=description.written is not None,
        reader=RowReader(description.spec, shards, index),
    )
