"""Shards: the files of a data set, each complete or not there at all.

`segments.npy` is int64 [S, 3]: stream, its row that comes first here, number of rows.
The rows of a segment lie one behind the other in every column, segments in this order.
"""

import os
import re
import shutil
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.description import read_json, write_json
from world_models.data.format import FORMAT_VERSION, Column

UNFINISHED = ".unfinished"  # suffix of shards that are still being written
_SEGMENTS, _ABOUT = "segments", "shard.json"
_NAME = re.compile(r"shard-(\d{5,})")
_CHUNK = 8 << 20  # bytes copied at once


@dataclass(frozen=True, eq=False)
class ColumnFile:
    """One column of a shard: where its numbers begin in which file."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int


@dataclass(frozen=True)
class Shard:
    """A shard whose files are there and have the right sizes; nothing is read yet."""

    path: Path
    num_rows: int
    segments: NDArray[np.int64]
    files: Mapping[str, ColumnFile]


def write_shard(
    folder: Path,
    number: int,
    rows: Mapping[str, NDArray[Any]],
    order: NDArray[np.int64],
    segments: NDArray[np.int64],
) -> Path:
    """Write `rows[name][order]` for all columns as shard `number`; returns its path.

    Raises:
        DatasetError: the disk is full or not writable, or the shard exists. What was
            there before is untouched, and nothing is left of the attempt.
    """
    path = folder / f"shard-{number:05d}"
    unfinished = folder / f".{path.name}.{os.getpid()}{UNFINISHED}"
    try:
        try:
            unfinished.mkdir()
            about: dict[str, Any] = {
                "format_version": FORMAT_VERSION,
                "rows": len(order),
                "files": {},
            }
            every = np.arange(len(segments))
            for name, array, chosen in (
                (_SEGMENTS, segments, every),
                *((k, x, order) for k, x in rows.items()),
            ):
                about["files"][name] = _write(_file(unfinished, name), array, chosen)
            write_json(unfinished / _ABOUT, about)
            for inside in (
                *(x for x in unfinished.iterdir() if x.is_dir()),
                unfinished,
            ):
                _to_disk(inside)
            os.rename(unfinished, path)
            _to_disk(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise DatasetError(
            f"Could not write {path}: {error.strerror or error}. The shards before it "
            "are complete and can be read. Free some disk space, or write elsewhere."
        ) from error
    return path


def open_shard(path: Path, columns: Mapping[str, Column]) -> Shard:
    """Check that a shard has the columns it should have, with the right sizes.

    Raises:
        DatasetError: a file is missing, cut off, or of another shape or dtype.
    """
    about = read_json(path / _ABOUT)
    if about.get("format_version") != FORMAT_VERSION:
        raise DatasetError(
            f"{path / _ABOUT} has format version {about.get('format_version')}; this "
            f"curious-worlds reads version {FORMAT_VERSION}."
        )
    num_rows = about.get("rows")
    if not isinstance(num_rows, int) or num_rows < 1:
        raise DatasetError(f"{path / _ABOUT} is damaged: it has no number of rows.")
    segments = _read_segments(_file(path, _SEGMENTS), num_rows)
    files = {}
    for name, column in columns.items():
        file = _header(_file(path, name))
        wanted = ((num_rows, *column.shape), np.dtype(column.dtype))
        if (file.shape, file.dtype) != wanted:
            raise DatasetError(
                f"{file.path} holds {file.dtype} {file.shape}; its data set says "
                f"{wanted[1]} {wanted[0]}."
            )
        files[name] = file
    return Shard(path, num_rows, segments, files)


def verify_shard(shard: Shard, advance: Callable[[int], None]) -> None:
    """Read all bytes of a shard and compare their checksums.

    Args:
        shard: as `open_shard` gives it.
        advance: told how many more bytes have been read.

    Raises:
        DatasetError: names the first file that is not as it was written.
    """
    sums = read_json(shard.path / _ABOUT).get("files", {})
    for name in (_SEGMENTS, *shard.files):
        file = _file(shard.path, name)
        crc = 0
        with file.open("rb") as data:
            while block := data.read(_CHUNK):
                crc = zlib.crc32(block, crc)
                advance(len(block))
        if crc != sums.get(name):
            raise DatasetError(
                f"{file} is damaged: its bytes are not those that were written "
                "(checksum mismatch)."
            )


def shard_paths(folder: Path) -> list[Path]:
    """All complete shards of a data set, in order.

    Raises:
        DatasetError: one in the middle is missing.
    """
    named = ((_NAME.fullmatch(x.name), x) for x in folder.iterdir())
    found = {int(match[1]): path for match, path in named if match}
    for number in range(len(found)):
        if number not in found:
            raise DatasetError(
                f"{folder / f'shard-{number:05d}'} is missing: there are shards behind "
                "it. Copy the data set again."
            )
    return [found[number] for number in range(len(found))]


def sweep_unfinished(folder: Path) -> None:
    """Delete what a killed writer left half-written."""
    for path in folder.glob(f".*{UNFINISHED}"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()


class _Summed:
    """A file that knows the checksum of what was written into it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.crc = file, 0

    def write(self, data: Any) -> int:
        self.crc = zlib.crc32(data, self.crc)
        return self.file.write(data)


def _write(path: Path, array: NDArray[Any], order: NDArray[np.int64]) -> int:
    """Write `array[order]` as an .npy file; returns the checksum of the file."""
    path.parent.mkdir(exist_ok=True)
    header = {
        "descr": npy.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": (len(order), *array.shape[1:]),
    }
    row_bytes = max(1, prod(array.shape[1:]) * array.itemsize)
    step = max(1, _CHUNK // row_bytes)
    with path.open("wb") as raw:
        out = _Summed(raw)
        npy.write_array_header_1_0(out, header)
        for i in range(0, len(order), step):
            out.write(np.ascontiguousarray(array[order[i : i + step]]).data)
        raw.flush()
        os.fsync(raw.fileno())
    return out.crc


def _header(path: Path) -> ColumnFile:
    """Shape and dtype that an .npy file declares, if its size agrees."""
    try:
        with path.open("rb") as file:
            version = npy.read_magic(file)
            if version != (1, 0):
                raise ValueError(f"its NumPy format is {version}")
            shape, fortran, dtype = npy.read_array_header_1_0(file)
            offset = file.tell()
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing. Copy the data set again.") from None
    except Exception as error:  # NumPy raises anything where bytes are damaged
        raise DatasetError(
            f"{path} is not an array of a data set ({error})."
        ) from error
    wanted = offset + prod(shape) * dtype.itemsize
    if fortran or dtype.hasobject:
        raise DatasetError(
            f"{path} is an array in an order or of a kind never written."
        )
    if size != wanted:
        what = "cut off" if size < wanted else "longer than it was written"
        raise DatasetError(f"{path} is {what}: {size:,} bytes, not {wanted:,}.")
    return ColumnFile(path, shape, dtype, offset)


def _read_segments(path: Path, num_rows: int) -> NDArray[np.int64]:
    file = _header(path)
    if file.dtype != np.int64 or len(file.shape) != 2 or file.shape[1] != 3:
        raise DatasetError(f"{path} holds {file.dtype} {file.shape}, not int64 (S, 3).")
    segments: NDArray[np.int64] = np.load(path, allow_pickle=False)
    if (segments < 0).any() or segments[:, 2].sum() != num_rows:
        raise DatasetError(
            f"{path} is damaged: its segments are not the {num_rows:,} rows of the "
            "shard."
        )
    return segments


def _file(shard: Path, name: str) -> Path:
    return shard / f"{name}.npy"


def _to_disk(folder: Path) -> None:
    """Wait until a folder's entries have reached the disk, where it can be asked."""
    with suppress(PermissionError):  # Windows opens no folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
