"""Pickles of plain data: arrays, bytes, text, numbers, lists and dictionaries.

A pickle may call anything, so that one from elsewhere can do anything. Here the only
things that can be called are those that make an array of plain numbers; whatever else
a file asks for is refused before it is looked up.
"""

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ssl_objectives.refusal import DatasetError


def read_plain(path: Path, most: int) -> Any:
    """What a pickle of plain data holds; text of Python 2 comes as bytes.

    Args:
        path: of the file.
        most: bytes that the file may have.

    Raises:
        DatasetError: missing, damaged, too large, or it asks for something else.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise DatasetError(
                f"{path} has {size:,} bytes, and such a file has at most {most:,}. It "
                "is something else."
            )
        return _Plain(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except FileNotFoundError:
        raise DatasetError(f"There is no {path.name} in {path.parent}.") from None
    except _Other as error:
        raise DatasetError(
            f"{path} asks for {error}, and the files of this data set hold nothing but "
            "arrays, text and numbers. Nothing of it was run; get it anew from where "
            "the data set is published."
        ) from None
    except Exception as error:  # a damaged pickle fails in any way
        raise DatasetError(
            f"{path} is cut off or damaged ({type(error).__name__}: {error})."
        ) from error


class _Other(Exception):
    """A pickle asks for something that is no plain data; says for what."""


class _Plain(pickle.Unpickler):
    """Finds nothing but what arrays are made of."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle calls, by name."""
        if (module, name) not in _KNOWN:
            raise _Other(f"{module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """What a pickle names that lies elsewhere: there is none."""
        raise _Other(f"something outside of it ({pid!r})")


class _Call(NamedTuple):
    """Something to call, which no pickle can change, as it could a function."""

    function: Callable[..., Any]

    def __call__(self, *given: Any) -> Any:
        return self.function(*given)


def _empty(kind: Any, shape: Any, dtype: Any) -> Any:
    """An array that is filled behind this; NumPy begins it with no element."""
    if kind is not _ARRAY or shape != (0,):
        raise _Other(f"an array of {shape!r} to begin with")
    return np.ndarray((0,), np.uint8)


def _dtype(name: Any, *more: Any) -> Any:
    """A dtype of plain numbers."""
    text = name.decode("latin1") if isinstance(name, bytes) else name
    if not isinstance(text, str) or text not in _NUMBERS:
        raise _Other(f"an array of {name!r}")
    return np.dtype(text)


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    """How Python 3 writes bytes for Python 2."""
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise _Other(f"text in {encoding!r}")
    return text.encode("latin1")


_ARRAY = object()  # stands for NumPy's class, which nothing here has to call
_NUMBERS = frozenset(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)) | {
    *("b1", "f2", "f4", "f8")
}
_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _Call(_empty),
    ("numpy._core.multiarray", "_reconstruct"): _Call(_empty),
    ("numpy", "ndarray"): _ARRAY,
    ("numpy", "dtype"): _Call(_dtype),
    ("_codecs", "encode"): _Call(_encoded),
}
