"""Memory-mapped files as arrays, given back before they fill the memory."""

import mmap
import os
from collections import OrderedDict
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError
from world_models.data.shard import ColumnFile

_EVERY = 64  # views between two looks at the process's memory
_STATM = Path("/proc/self/statm")


class _Mapped(NamedTuple):
    data: mmap.mmap
    array: NDArray[Any]


class MappedFiles:
    """Memory maps of the files that were read last.

    Pages of mapped files count as resident memory while they are mapped, so reading
    long enough would make a whole data set resident. Therefore all maps are given back
    once they hold `max_bytes`; what the system has cached stays in its cache, and
    mapping a file again is cheap.

    Args:
        max_files: open at a time; each takes one of the process's file descriptors.
        max_bytes: resident before all maps are given back.
    """

    def __init__(self, max_files: int = 256, max_bytes: int = 1 << 30) -> None:
        self.max_files, self.max_bytes = max_files, max_bytes
        self._open: OrderedDict[ColumnFile, _Mapped] = OrderedDict()
        self._views = self._viewed = self._before = 0

    def __len__(self) -> int:
        """Files that are mapped now."""
        return len(self._open)

    def expect(self, file: ColumnFile, start: int, stop: int) -> None:
        """Have the system read rows `start … stop-1` ahead, as all others expected.

        It is what makes reading fast where nothing is cached yet.
        """
        if not hasattr(mmap, "MADV_WILLNEED"):
            return
        row_bytes = prod(file.shape[1:]) * file.dtype.itemsize
        begin = file.offset + start * row_bytes
        page = begin - begin % mmap.PAGESIZE
        end = file.offset + stop * row_bytes
        self._mapped(file).data.madvise(mmap.MADV_WILLNEED, page, end - page)

    def rows(self, file: ColumnFile, start: int, stop: int) -> NDArray[Any]:
        """Rows `start … stop-1` of a column: a view, to be copied and let go.

        Raises:
            DatasetError: the file is gone, or has been cut off since it was opened.
        """
        self._views += 1
        if self._views % _EVERY == 0 and self._resident() > self.max_bytes:
            self._open.clear()
            self._viewed = 0
        view = self._mapped(file).array[start:stop]
        self._viewed += view.nbytes
        return view

    def _mapped(self, file: ColumnFile) -> _Mapped:
        mapped = self._open.get(file)
        if mapped is not None:
            self._open.move_to_end(file)
            return mapped
        if not self._open:
            self._before = _shared_bytes() or 0
        while len(self._open) >= self.max_files:
            self._open.popitem(last=False)
        try:
            with file.path.open("rb") as opened:
                data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            flat = np.frombuffer(data, file.dtype, prod(file.shape), file.offset)
        except (OSError, ValueError) as error:
            raise DatasetError(f"{file.path} cannot be read ({error}).") from error
        mapped = _Mapped(data, flat.reshape(file.shape))
        self._open[file] = mapped
        return mapped

    def _resident(self) -> int:
        """Bytes that the maps hold; where the system does not tell, those viewed."""
        shared = _shared_bytes()
        return self._viewed if shared is None else shared - self._before


def _shared_bytes() -> int | None:
    """Resident bytes of this process that belong to files."""
    try:
        return int(_STATM.read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
