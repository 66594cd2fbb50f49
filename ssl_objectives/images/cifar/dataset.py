"""CIFAR-10 and CIFAR-100: small photographs of ten or a hundred kinds of things.

(Krizhevsky 2009.) Nothing is downloaded: these read the files where you have them,
`cifar-10-python.tar.gz` and so on of https://www.cs.toronto.edu/~kriz/cifar.html,
unpacked.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from ssl_objectives.images.cifar.files import (
    Batch,
    joined,
    read_bytes,
    read_names,
    read_pickle,
)
from ssl_objectives.images.source import ArrayImages, ImageSplit
from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import DatasetError

_TRAIN, _TEST = 50_000, 10_000  # images that are published


@dataclass(frozen=True)
class Cifar10Config:
    """CIFAR-10: photographs of 32 x 32 pixels, ten kinds of things; your files."""

    path: Path = Path("data/cifar10")
    """folder of data_batch_1 … 5 and test_batch (or these as .bin), or the one around
    it"""

    def open(self) -> ImageSplit:
        """All images in memory (184 MB).

        Raises:
            DatasetError: a file is missing, damaged, or asks for more than data.
        """
        names = [*(f"data_batch_{x}" for x in range(1, 6)), "test_batch"]
        folder, binary = _find(
            self.path, "cifar-10-batches-py", "cifar-10-batches-bin", names[0]
        )
        if binary:
            classes = read_names(folder / "batches.meta.txt")
            batches = [read_bytes(folder / f"{x}.bin", 1, 0) for x in names]
        else:
            classes = read_names(folder / "batches.meta", "label_names")
            batches = [read_pickle(folder / x, "labels") for x in names]
        train = joined(batches[:-1], classes, folder)
        return _split(folder, train, joined(batches[-1:], classes, folder), classes)


@dataclass(frozen=True)
class Cifar100Config:
    """CIFAR-100: photographs of 32 x 32 pixels, a hundred kinds; your files."""

    path: Path = Path("data/cifar100")
    """folder of train, test and meta (or train.bin, test.bin and names), or the one
    around it"""
    coarse: bool = False
    """classes are the 20 groups of five kinds"""

    def open(self) -> ImageSplit:
        """All images in memory (184 MB).

        Raises:
            DatasetError: a file is missing, damaged, or asks for more than data.
        """
        folder, binary = _find(
            self.path, "cifar-100-python", "cifar-100-binary", "train"
        )
        grain = "coarse" if self.coarse else "fine"
        if binary:
            classes = read_names(folder / f"{grain}_label_names.txt")
            both = [
                read_bytes(folder / f"{x}.bin", 2, 0 if self.coarse else 1)
                for x in ("train", "test")
            ]
        else:
            classes = read_names(folder / "meta", f"{grain}_label_names")
            both = [
                read_pickle(folder / x, f"{grain}_labels") for x in ("train", "test")
            ]
        train, test = (joined([x], classes, folder) for x in both)
        return _split(folder, train, test, classes)


def _find(path: Path, python: str, binary: str, file: str) -> tuple[Path, bool]:
    """The folder of the files, and whether they are of the binary form.

    Raises:
        DatasetError: they are not there.
    """
    path = path.expanduser()
    for folder in (path, path / python, path / binary):
        for name, is_binary in ((file, False), (f"{file}.bin", True)):
            if (folder / name).is_file():
                return folder, is_binary
    if not path.exists():
        raise DatasetError(nothing_at(path))
    raise DatasetError(
        f"{path} has neither {file} nor {file}.bin, nor a folder {python} or {binary} "
        f"with it.{unpack_first(path)}"
    )


def _split(
    folder: Path, train: Batch, test: Batch, classes: tuple[str, ...]
) -> ImageSplit:
    counts = (len(train.labels), len(test.labels))
    notes: tuple[str, ...] = ()
    if counts != (_TRAIN, _TEST):
        notes = (
            f"{folder} holds {counts[0]:,} + {counts[1]:,} images, and {_TRAIN:,} + "
            f"{_TEST:,} are published: numbers are not those of CIFAR.",
        )
    one, two = (
        ArrayImages(torch.from_numpy(x.images), torch.from_numpy(x.labels), classes)
        for x in (train, test)
    )
    about = f"{folder}, {counts[0]:,} + {counts[1]:,} images, {len(classes)} classes"
    return ImageSplit(one, two, about=about, notes=notes)
