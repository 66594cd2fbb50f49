"""The files of CIFAR, in both forms that are published: pickles, and bytes.

(Krizhevsky 2009, "Learning multiple layers of features from tiny images".) An image is
3,072 bytes: 32 × 32 of red, then of green, then of blue.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssl_objectives.images.cifar.plain_pickle import read_plain
from ssl_objectives.refusal import DatasetError

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
MOST = 400 << 20  # bytes of a file; the largest has 155 million


class Batch(NamedTuple):
    """Images of a file.

    Attributes:
        images: uint8 [N, 3, 32, 32].
        labels: [N].
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def read_pickle(path: Path, name: str) -> Batch:
    """A file of the Python form.

    Args:
        path: of the file.
        name: of the labels in it: `labels`, `fine_labels` or `coarse_labels`.

    Raises:
        DatasetError: missing, damaged, or something else than images and labels.
    """
    held = read_plain(path, MOST)
    data, labels = (_entry(held, x, path) for x in ("data", name))
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8:
        raise DatasetError(f"{path} is damaged: 'data' are no bytes.")
    if data.ndim != 2 or data.shape[1] != PIXELS:
        raise DatasetError(
            f"{path} is damaged: 'data' are {data.shape}, and each image has "
            f"{PIXELS:,} bytes."
        )
    whole = isinstance(labels, list) and all(isinstance(x, int) for x in labels)
    if not whole or len(labels) != len(data):
        raise DatasetError(
            f"{path} is damaged: {name!r} are not one number for each of {len(data):,} "
            "images."
        )
    return Batch(data.reshape(-1, *SHAPE), np.array(labels, np.int64))


def read_bytes(path: Path, labels: int, which: int) -> Batch:
    """A file of the binary form.

    Args:
        path: of the file.
        labels: bytes in front of each image, one for each label.
        which: of them is the label.

    Raises:
        DatasetError: missing, cut off, or something else.
    """
    if not path.is_file():
        raise DatasetError(f"There is no {path.name} in {path.parent}.")
    size, each = path.stat().st_size, labels + PIXELS
    if not size or size % each or size > MOST:
        raise DatasetError(
            f"{path} is cut off or something else: it has {size:,} bytes, and each of "
            f"its images takes {each:,}."
        )
    rows = np.fromfile(path, np.uint8).reshape(-1, each)
    images = np.ascontiguousarray(rows[:, labels:]).reshape(-1, *SHAPE)
    return Batch(images, rows[:, which].astype(np.int64))


def read_names(path: Path, name: str = "") -> tuple[str, ...]:
    """What classes are called: a line each, or an entry of a pickle.

    Raises:
        DatasetError: missing or damaged.
    """
    if not name:
        if not path.is_file():
            raise DatasetError(f"There is no {path.name} in {path.parent}.")
        return tuple(path.read_text("ascii", errors="replace").split())
    found = _entry(read_plain(path, MOST), name, path)
    if not isinstance(found, list):
        raise DatasetError(f"{path} is damaged: {name!r} is no list of names.")
    return tuple(
        x.decode("ascii", "replace") if isinstance(x, bytes) else str(x) for x in found
    )


def joined(batches: Sequence[Batch], names: Sequence[str], folder: Path) -> Batch:
    """Images of several files.

    Raises:
        DatasetError: a label is of no class.
    """
    images, labels = (np.concatenate(x) for x in zip(*batches, strict=True))
    if labels.min() < 0 or labels.max() >= len(names):
        raise DatasetError(
            f"{folder} is damaged: labels go from {labels.min()} to {labels.max()}, "
            f"and there are {len(names)} classes."
        )
    return Batch(images, labels)


def _entry(held: Any, name: str, path: Path) -> Any:
    """What a dictionary holds under a name, in text or bytes."""
    if isinstance(held, dict):
        for key in (name, name.encode()):
            if key in held:
                return held[key]
    raise DatasetError(
        f"{path} has no {name!r}. Is it the file of another data set? (CIFAR-10 and "
        "CIFAR-100 have names of their own.)"
    )
