"""Fashion-MNIST: 70,000 real gray images of 28 × 28 pixels, clothes of ten kinds.

(Xiao, Rasul, Vollgraf 2017, arXiv 1708.07747; Zalando SE, Expat licence.) Debian packs
it as `dataset-fashion-mnist`; `fetch.py` beside this file gets that without root. A
balanced part of 2,000 + 1,000 images is shipped, for tests and for first tries:
`subset/`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from ssl_objectives.images.fashion_mnist.idx import read_idx
from ssl_objectives.images.source import ArrayImages, ImageSplit
from ssl_objectives.paths import nothing_at
from ssl_objectives.refusal import DatasetError

CLASSES = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
INSTALLED = Path("usr/share/datasets/fashion-mnist")  # where Debian's package puts it
FETCHED = Path("data/fashion-mnist")  # where `fetch` puts it, below the current folder
SUBSET = Path(__file__).parent / "subset" / "subset.npz"
FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
_HOW = (
    "Get all 70,000 with `python -m ssl_objectives.images.fashion_mnist.fetch` "
    "(Debian and Ubuntu; no root needed), or install the package "
    "dataset-fashion-mnist, or give the folder that holds the four idx .gz files"
)


@dataclass(frozen=True)
class FashionMnistConfig:
    """Fashion-MNIST: real gray images of 28 x 28 pixels, ten classes.

    Without a path it is looked for where Debian's package and our own `fetch` put it;
    where it is not, the 2,000 + 1,000 images shipped with this package are used, and
    the split's notes say so.
    """

    path: Path | None = None
    """folder of the four idx .gz files (none: where they usually are)"""
    num_train: int | None = None
    """the first so many training images (none: all of them)"""
    subset: bool = False
    """use the 2,000 + 1,000 images shipped here, even where all are there"""

    def __post_init__(self) -> None:
        if self.num_train is not None and self.num_train < 1:
            raise ValueError(f"num_train must be at least 1, not {self.num_train}")
        if self.subset and self.path is not None:
            raise ValueError("give either a path or subset, not both")

    def open(self) -> ImageSplit:
        """All images in memory (47 MB).

        Raises:
            DatasetError: nothing at `path`, a damaged file, or fewer images than
                `num_train`.
        """
        folder = None if self.subset else _find(self.path)
        arrays = _read_subset() if folder is None else _read(folder)
        images, labels = arrays["train"]
        count = len(images) if self.num_train is None else self.num_train
        shipped = " shipped with this package" if folder is None else ""
        if count > len(images):
            more = f" {_HOW}." if folder is None else ""
            raise DatasetError(
                f"num_train is {count:,}, but there are {len(images):,} training "
                f"images{shipped}.{more}"
            )
        notes: tuple[str, ...] = ()
        if folder is None and not self.subset:
            notes = (
                "Fashion-MNIST is not on this machine: these are the 2,000 + 1,000 "
                f"of its images that this package ships. {_HOW}.",
            )
        test = arrays["test"]
        return ImageSplit(
            _source(images[:count], labels[:count]),
            _source(*test),
            about=f"Fashion-MNIST, {count:,} + {len(test[0]):,} images"
            + (shipped or f" from {folder}"),
            notes=notes,
        )


Arrays = dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]


def fashion_mnist_subset() -> UInt8[Tensor, "3000 1 28 28"]:
    """The 3,000 images that are shipped, kinds of clothes mixed: for first tries.

    Those of training come first, 2,000 of them.
    """
    arrays = _read_subset()
    return torch.from_numpy(np.concatenate([arrays[x][0] for x in FILES]))[:, None]


def write_subset(folder: Path, file: Path, train: int = 200, test: int = 100) -> None:
    """Write the first images of each class as one npz: how the shipped file was made.

    Args:
        folder: of the four idx files.
        file: where to.
        train: training images of each class.
        test: test images of each class.
    """
    arrays: dict[str, Any] = {}
    for part, count in (("train", train), ("test", test)):
        images, labels = _read(folder)[part]
        each = [np.flatnonzero(labels == x)[:count] for x in range(len(CLASSES))]
        rows = np.sort(np.concatenate(each))
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = images[rows], labels[rows]
    np.savez_compressed(file, **arrays)


def _find(path: Path | None) -> Path | None:
    """The folder of the idx files; None where nothing was asked for, nor is there."""
    places = [Path("/"), FETCHED] if path is None else [path.expanduser()]
    for place in places:
        for folder in (place, place / INSTALLED):
            if (folder / FILES["train"][0]).is_file():
                return folder
    if path is not None and not places[0].exists():
        raise DatasetError(nothing_at(places[0]))
    if path is not None:
        raise DatasetError(f"There is no Fashion-MNIST at {path}. {_HOW}.")
    return None


def _read(folder: Path) -> Arrays:
    return {part: _checked(folder, *names) for part, names in FILES.items()}


def _checked(
    folder: Path, image_file: str, label_file: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images, labels = read_idx(folder / image_file), read_idx(folder / label_file)
    sound = images.ndim == 3 and images.shape[1:] == (28, 28)
    if not sound or labels.shape != images.shape[:1] or labels.max() >= len(CLASSES):
        raise DatasetError(
            f"{folder / image_file} and {label_file} are not those of Fashion-MNIST: "
            f"they hold {images.shape} and {labels.shape} numbers."
        )
    return images, labels


def _read_subset() -> Arrays:
    with np.load(SUBSET) as arrays:
        return {x: (arrays[f"{x}_images"], arrays[f"{x}_labels"]) for x in FILES}


def _source(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> ArrayImages:
    pixels: Tensor = torch.from_numpy(images.copy())  # ours: what was read is read-only
    numbers = torch.from_numpy(labels.astype(np.int64))
    return ArrayImages(pixels[:, None], numbers, CLASSES)
