"""The idx format of the MNIST family: a big-endian header, then bytes; gzipped."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.refusal import DatasetError

_UINT8 = 8  # the code of the only type of number these files have


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in a gzipped idx file: two zero bytes, type, axes, sizes, numbers.

    Raises:
        DatasetError: missing, cut off, damaged, or something else than bytes.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DatasetError(f"There is no {path.name} in {path.parent}.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path} is cut off or damaged ({error}).") from error
    begin = 4 + 4 * data[3] if len(data) >= 4 else 4
    if data[:3] != bytes([0, 0, _UINT8]) or len(data) < begin:
        raise DatasetError(f"{path} is no idx file of bytes: its header is wrong.")
    shape = tuple(np.frombuffer(data[4:begin], ">u4").tolist())
    if len(data) - begin != math.prod(shape):
        raise DatasetError(
            f"{path} is damaged: {shape} needs {math.prod(shape):,} bytes behind the "
            f"header, and there are {len(data) - begin:,}."
        )
    return np.frombuffer(data, np.uint8, offset=begin).reshape(shape)
