"""Named arrays in npz and HDF5 files, read piece by piece."""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, Protocol, runtime_checkable

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ssl_objectives.refusal import ConfigError, DatasetError, Refusal

NPZ, HDF5 = (".npz",), (".h5", ".hdf5", ".hdf")


@runtime_checkable
class Array(Protocol):
    """What both kinds of files give: shape, dtype, and slices along the first axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        """All axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its numbers."""

    def __getitem__(self, part: slice) -> NDArray[Any]:
        """A copy of some rows; slices that move forward are cheapest."""


@contextmanager
def open_arrays(path: Path) -> Iterator[Mapping[str, Array]]:
    """The arrays in a file by their whole names; it stays open meanwhile.

    In HDF5 files names are paths, and single numbers are no arrays.

    Raises:
        DatasetError: the file is damaged, cut off, or holds pickled objects.
        ConfigError: h5py is not installed.
    """
    with ExitStack() as stack:
        if path.suffix.lower() in NPZ:
            yield _open_npz(path, stack)
        else:
            yield _open_hdf5(path, stack)


class _NpzArray:
    """One array of an npz file, read forwards from the archive."""

    def __init__(self, archive: zipfile.ZipFile, member: str, where: str) -> None:
        self._archive, self._member, self._where = archive, member, where
        self._row = 0
        self._open()

    def _open(self) -> None:
        try:
            self._file: IO[bytes] = self._archive.open(self._member)
            self._read_header()
        except Refusal:
            raise
        except Exception as error:  # libraries raise anything where bytes are damaged
            raise DatasetError(f"{self._where} is damaged ({error}).") from error
        self._row = 0

    def _read_header(self) -> None:
        headers = {
            (1, 0): npy.read_array_header_1_0,
            (2, 0): npy.read_array_header_2_0,
        }
        try:
            self.shape, fortran, self.dtype = headers[npy.read_magic(self._file)](
                self._file
            )
            if self.dtype.hasobject:
                raise DatasetError(
                    f"{self._where} holds pickled objects, which can run code and are "
                    "never read. Save plain arrays."
                )
            if fortran and len(self.shape) > 1:
                raise DatasetError(
                    f"{self._where} is stored column by column (Fortran order). Save "
                    "numpy.ascontiguousarray of it."
                )
        except BaseException:
            self._file.close()
            raise

    def __getitem__(self, part: slice) -> NDArray[Any]:
        begin, end, _ = part.indices(self.shape[0] if self.shape else 0)
        if begin < self._row:
            self._file.close()
            self._open()
        row_bytes = prod(self.shape[1:]) * self.dtype.itemsize
        self._read((begin - self._row) * row_bytes)
        data = self._read((end - begin) * row_bytes)
        self._row = end
        shape = (end - begin, *self.shape[1:])
        return np.frombuffer(data, self.dtype).reshape(shape)

    def close(self) -> None:
        self._file.close()

    def _read(self, size: int) -> bytes:
        try:
            data = self._file.read(size) if size else b""
        except Exception as error:  # see _open
            raise DatasetError(f"{self._where} is damaged ({error}).") from error
        if len(data) != size:
            raise DatasetError(f"{self._where} is cut off.")
        return data


class _Hdf5Array:
    """One array of an HDF5 file."""

    def __init__(self, array: Any, where: str) -> None:
        self._array, self._where = array, where
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = array.dtype

    def __getitem__(self, part: slice) -> NDArray[Any]:
        try:
            rows: NDArray[Any] = self._array[part]
        except Exception as error:  # a block of it fails its checksum, or is missing
            raise DatasetError(f"{self._where} is damaged ({error}).") from error
        return rows


def _open_npz(path: Path, stack: ExitStack) -> dict[str, Array]:
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except Exception as error:  # see _NpzArray._open
        raise DatasetError(f"{path} is cut off or no npz file ({error}).") from error
    arrays: dict[str, Array] = {}
    for member in archive.namelist():
        name = member.removesuffix(".npy")
        if name != member:
            array = _NpzArray(archive, member, f"{path}: {name}")
            stack.callback(array.close)
            arrays[name] = array
    return arrays


def _open_hdf5(path: Path, stack: ExitStack) -> dict[str, Array]:
    h5py = import_h5py()
    try:
        file = stack.enter_context(h5py.File(path, "r"))
    except Exception as error:  # see _NpzArray._open
        raise DatasetError(f"{path} is cut off or no HDF5 file ({error}).") from error
    found: dict[str, Array] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim > 0:
            found[name] = _Hdf5Array(item, f"{path}/{name}")

    try:
        file.visititems(visit)
    except Exception as error:
        raise DatasetError(f"{path} is damaged ({error}).") from error
    return found


def import_h5py() -> Any:
    """The package h5py.

    Raises:
        ConfigError: says how to install it.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            'HDF5 files need h5py: pip install "curious-worlds[data]"'
        ) from error
    return h5py
