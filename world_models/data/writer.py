"""Writes data sets, such that a killed writer leaves all that was complete."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import open_dataset
from world_models.data.description import (
    DESCRIPTION,
    Description,
    read_description,
    write_description,
)
from world_models.data.format import DatasetSpec
from world_models.data.lock import IsLocked, locked
from world_models.data.shard import (
    UNFINISHED,
    shard_paths,
    sweep_unfinished,
    write_shard,
)

LOCK = "lock"  # held by the one process that writes
SHARD_BYTES = 128 << 20
FLUSH_SECONDS = 60.0


class DatasetWriter:
    """Collects rows of many streams, in any interleaving. Used in a `with`.

        with DatasetWriter(path, spec, {"what": "an example"}) as writer:
            streams = writer.new_streams(num_envs)
            for …:
                writer.add(streams, {"obs": obs, "first": first, …})

    A shard is written when `shard_bytes` are together, and at `add` when the oldest row
    has waited for `flush_seconds`. Until then rows are in memory, about one shard of
    them. A process killed at any time, or a full disk, loses these and nothing else.

    Args:
        path: a folder that does not exist or is empty, or the data set to append to.
        spec: what each row holds.
        source: where the data come from; plain JSON.
        append: add new streams to the data set that is there, if there is one.
        shard_bytes: size of a shard.
        flush_seconds: how long a row may wait in memory.
        clock: seconds, for tests.

    Raises:
        DatasetError: there is something else at `path`, or a data set of other rows, or
            another process writes there.
    """

    def __init__(
        self,
        path: Path,
        spec: DatasetSpec,
        source: Mapping[str, Any],
        *,
        append: bool = False,
        shard_bytes: int = SHARD_BYTES,
        flush_seconds: float = FLUSH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path, self.spec = path, spec
        self._columns = spec.columns
        self._capacity = max(1, shard_bytes // spec.row_bytes)
        self._flush_seconds, self._clock = flush_seconds, clock
        self.num_shards, self.num_rows = 0, 0
        self._lengths = np.zeros(0, np.int64)
        self._description = Description(spec, source)
        self._before: Description | None = None  # of the data set appended to
        self._begun_at = 0
        self._held = ExitStack()
        try:
            self._begin(append)
        except BaseException:
            self._held.close()
            raise
        # Memory that was not written to yet is not taken from the system.
        self._rows = {
            name: np.empty((self._capacity, *x.shape), x.dtype)
            for name, x in self._columns.items()
        }
        self._stream = np.empty(self._capacity, np.int64)
        self._waiting = 0
        self._since = clock()

    def _begin(self, append: bool) -> None:
        path = self.path
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not (_holds_anything(path) and not _is_dataset(path)):
                self._held.enter_context(locked(path / LOCK))
            occupied = _holds_anything(path)
        except IsLocked as error:
            raise DatasetError(
                f"{path} is being written by {error}. Wait for its end, or choose "
                "another folder."
            ) from error
        except (FileExistsError, NotADirectoryError) as error:
            file = next(x for x in (path, *path.parents) if x.exists())
            raise DatasetError(
                f"{path} cannot be a folder: {file} is a file. Choose another folder."
            ) from error
        except OSError as error:
            raise DatasetError(
                f"Cannot write to {path}: {error.strerror}. Choose another folder."
            ) from error
        self._is_new = not occupied
        if occupied and not append:
            what = "holds a data set" if _is_dataset(path) else "is not empty"
            raise DatasetError(f"{path} {what}. Choose another folder.")
        if occupied:
            self._before = read_description(path)
        sweep_unfinished(path)
        if shard_paths(path):  # a writer may have been killed before its first shard
            before = open_dataset(path)
            if before.spec != self.spec:
                raise DatasetError(
                    f"{path} holds other rows: {_difference(before.spec, self.spec)}. "
                    "Choose another folder."
                )
            self.num_shards, self.num_rows = before.num_shards, before.num_rows
            self._begun_at = before.num_shards
            self._lengths = np.diff(before.index.stream_begin)
            old = before.source
            sources = old["appended"] if "appended" in old else [dict(old)]
            source = {"appended": [*sources, dict(self._description.source)]}
            self._description = replace(self._description, source=source)
        write_description(path, self._description)

    @property
    def num_streams(self) -> int:
        """Streams so far, those before an append included."""
        return len(self._lengths)

    def new_streams(self, num: int) -> NDArray[np.int64]:
        """Numbers of `num` streams that begin now."""
        begin = len(self._lengths)
        self._lengths = np.concatenate([self._lengths, np.zeros(num, np.int64)])
        return np.arange(begin, begin + num)

    def add(
        self,
        stream: NDArray[np.int64] | np.int64 | int,
        rows: Mapping[str, NDArray[Any]],
    ) -> None:
        """Add n rows: to stream `stream[i]` row i, or all to one stream, in order.

        Args:
            stream: int64 [n] or one number, from `new_streams`.
            rows: all columns of the spec, each [n, ...]; facts as `facts/NAME`.

        Raises:
            DatasetError: a column is missing, or of another shape or dtype; a `first`
                row has a reward or an end flag; a reward or a vector is not finite; the
                disk is full.
        """
        num = len(rows["first"]) if "first" in rows else 0
        self._check(num, rows)
        streams = np.broadcast_to(np.asarray(stream, np.int64), (num,))
        if num and not 0 <= streams.min() <= streams.max() < len(self._lengths):
            raise DatasetError("A stream was not begun with new_streams.")
        self._check_values(streams, rows)
        done = 0
        while done < num:
            if not self._waiting:
                self._since = self._clock()
            part = slice(done, min(num, done + self._capacity - self._waiting))
            count = part.stop - part.start
            to = slice(self._waiting, self._waiting + count)
            for name, buffer in self._rows.items():
                buffer[to] = rows[name][part]
            self._stream[to] = streams[part]
            self._waiting += count
            done += count
            if self._waiting == self._capacity:
                self.flush()
        if self._waiting and self._clock() - self._since >= self._flush_seconds:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait as a shard.

        Raises:
            DatasetError: it could not be written; the shards before it are untouched.
        """
        if not self._waiting:
            return
        stream = self._stream[: self._waiting]
        order = np.argsort(stream, kind="stable")
        which, counts = np.unique(stream, return_counts=True)
        segments = np.stack([which, self._lengths[which], counts], 1)
        write_shard(self.path, self.num_shards, self._rows, order, segments)
        self._lengths[which] += counts
        self.num_shards += 1
        self.num_rows += self._waiting
        self._waiting = 0

    def close(self) -> None:
        """Write what waits, and that the data set is complete."""
        self.flush()
        written = (self.num_shards, self.num_rows)
        write_description(self.path, replace(self._description, written=written))
        self._held.close()

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep all rows, also after an error; only a good end counts as complete."""
        with self._held:
            if kind is None:
                self.close()
                return
            with suppress(DatasetError):  # the first error is the one to be told
                self.flush()
            if self._before is not None and self.num_shards == self._begun_at:
                write_description(self.path, self._before)  # nothing has changed
            if self._is_new and not self.num_rows:
                with suppress(OSError):  # nothing is kept: nothing is left
                    (self.path / DESCRIPTION).unlink()
                    (self.path / LOCK).unlink()
                    self.path.rmdir()

    def _check(self, num: int, rows: Mapping[str, NDArray[Any]]) -> None:
        if rows.keys() != self._columns.keys():
            raise DatasetError(
                f"The columns are {sorted(rows)}; this data set has "
                f"{sorted(self._columns)}."
            )
        for name, column in self._columns.items():
            wanted = ((num, *column.shape), np.dtype(column.dtype))
            if (rows[name].shape, rows[name].dtype) != wanted:
                raise DatasetError(
                    f"{name} is {rows[name].dtype} {rows[name].shape}; this data set "
                    f"has {wanted[1]} {wanted[0]}."
                )

    def _check_values(
        self, streams: NDArray[np.int64], rows: Mapping[str, NDArray[Any]]
    ) -> None:
        for name in ("reward", "vector"):
            if name not in rows or np.isfinite(rows[name]).all():
                continue
            finite = np.isfinite(rows[name]).reshape(len(streams), -1).all(1)
            at = int(np.flatnonzero(~finite)[0])
            stream = int(streams[at])
            before = self._lengths[stream] + np.count_nonzero(
                self._stream[: self._waiting] == stream
            )
            row = before + np.count_nonzero(streams[:at] == stream)
            raise DatasetError(
                f"A {name} is not finite: in row {row:,} of stream {stream}, both "
                "counted from 0."
            )
        for name in ("reward", "terminated", "truncated"):
            if name in rows and rows[name][rows["first"]].any():
                raise DatasetError(
                    f"A row is the first of an episode and has `{name}` set: "
                    "what led to it belongs to no episode."
                )


def _holds_anything(path: Path) -> bool:
    """Whether there is more in a folder than what a killed writer left."""
    return any(
        x.name != LOCK and not (x.name[0] == "." and x.name.endswith(UNFINISHED))
        for x in path.iterdir()
    )


def _is_dataset(path: Path) -> bool:
    try:
        read_description(path)
    except DatasetError:
        return False
    return True


def _difference(there: DatasetSpec, here: DatasetSpec) -> str:
    """The first thing in which two specs differ."""
    for x in fields(DatasetSpec):
        old, new = getattr(there, x.name), getattr(here, x.name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            if list(old) != list(new):
                old, new = ", ".join(old), ", ".join(new)
            else:
                old = {k: v for k, v in old.items() if new[k] != v}
                new = {k: new[k] for k in old}
        if old != new:
            return f"its {x.name} are {old or 'none'}, these have {new or 'none'}"
    return "none"
