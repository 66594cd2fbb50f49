"""STL-10: photographs of 96 × 96 pixels, few of them labelled, in files you have.

(Coates, Lee, Ng 2011, "An analysis of single-layer networks in unsupervised feature
learning".) Nothing is downloaded: `stl10_binary.tar.gz` of
https://cs.stanford.edu/~acoates/stl10/, unpacked. An image is 27,648 bytes: red, green
and blue, each column by column.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from ssl_objectives.images.mixed import MixedSource
from ssl_objectives.images.source import ImageSource, ImageSplit
from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import DatasetError

SIDE = 96
_EACH = 3 * SIDE * SIDE
_PUBLISHED = (5_000, 8_000, 100_000)  # of train, test and unlabeled
_FOLDER = "stl10_binary"


class Stl10Images(ImageSource):
    """Images of a file of STL-10, memory-mapped.

    Args:
        path: of the file of images.
        labels: their classes from 0; None where none is known.
        class_names: what the classes are called.

    Raises:
        DatasetError: missing, cut off, or as many labels as there are no images.
    """

    def __init__(
        self,
        path: Path,
        labels: Int64[Tensor, "N"] | None = None,
        class_names: tuple[str, ...] = (),
    ) -> None:
        if not path.is_file():
            raise DatasetError(f"There is no {path.name} in {path.parent}.")
        size = path.stat().st_size
        if not size or size % _EACH:
            raise DatasetError(
                f"{path} is cut off or something else: it has {size:,} bytes, and each "
                f"of its images takes {_EACH:,}."
            )
        self.num_rows = size // _EACH
        if labels is not None and len(labels) != self.num_rows:
            raise DatasetError(
                f"{path} holds {self.num_rows:,} images, and beside it are "
                f"{len(labels):,} labels. One of the files is cut off."
            )
        self.image_shape = (3, SIDE, SIDE)
        self.labels, self.class_names = labels, class_names
        self._columns = np.memmap(
            path, np.uint8, "r", shape=(self.num_rows, 3, SIDE, SIDE)
        )

    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number, as rows of pixels."""
        columns = torch.from_numpy(self._columns[rows.numpy()])
        return columns.transpose(2, 3).contiguous()


@dataclass(frozen=True)
class Stl10Config:
    """STL-10: photographs of 96 x 96 pixels, ten kinds and many unlabelled; your files.

    Trained on are the unlabelled and the training images, as is usual; probes are
    fitted on the training images alone.
    """

    path: Path = Path("data/stl10")
    """folder of train_X.bin and so on, or the one around it"""
    unlabeled: bool = True
    """train on the unlabelled images, too, where they are there"""

    def open(self) -> ImageSplit:
        """Map all files; images are read when they are wanted.

        Raises:
            DatasetError: a file is missing, cut off or damaged.
        """
        folder = _find(self.path)
        names = _names(folder)
        train, test = (
            Stl10Images(
                folder / f"{x}_X.bin", _labels(folder / f"{x}_y.bin", names), names
            )
            for x in ("train", "test")
        )
        whole: ImageSource = train
        counts, notes = [train.num_rows, test.num_rows], []
        if self.unlabeled and (folder / "unlabeled_X.bin").is_file():
            unlabeled = Stl10Images(folder / "unlabeled_X.bin")
            counts.append(unlabeled.num_rows)
            whole = MixedSource(train, unlabeled)
        elif self.unlabeled:
            notes.append(
                f"{folder} has no unlabeled_X.bin: only the {train.num_rows:,} "
                "training images are trained on."
            )
        if tuple(counts) != _PUBLISHED[: len(counts)]:
            told = " + ".join(f"{x:,}" for x in counts)
            notes.append(
                f"{folder} holds {told} images, and {_PUBLISHED[0]:,} + "
                f"{_PUBLISHED[1]:,} + {_PUBLISHED[2]:,} are published (train, test, "
                "unlabeled): numbers are not those of STL-10."
            )
        about = (
            f"{folder}, {whole.num_rows:,} + {test.num_rows:,} images, {len(names)} "
            "classes"
        )
        return ImageSplit(whole, test, train, about, tuple(notes))


def _find(path: Path) -> Path:
    path = path.expanduser()
    for folder in (path, path / _FOLDER):
        if (folder / "train_X.bin").is_file():
            return folder
    if not path.exists():
        raise DatasetError(nothing_at(path))
    raise DatasetError(
        f"{path} has no train_X.bin, nor a folder {_FOLDER} with it."
        f"{unpack_first(path)}"
    )


def _names(folder: Path) -> tuple[str, ...]:
    file = folder / "class_names.txt"
    if not file.is_file():
        raise DatasetError(f"There is no {file.name} in {folder}.")
    return tuple(file.read_text("ascii", errors="replace").split())


def _labels(path: Path, names: tuple[str, ...]) -> Int64[Tensor, "N"]:
    """Classes from 0, of a file that counts them from 1."""
    if not path.is_file():
        raise DatasetError(f"There is no {path.name} in {path.parent}.")
    numbers = np.fromfile(path, np.uint8).astype(np.int64) - 1
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise DatasetError(
            f"{path} is damaged: labels go from {numbers.min() + 1} to "
            f"{numbers.max() + 1}, and there are {len(names)} classes, counted from 1."
        )
    return torch.from_numpy(numbers)
