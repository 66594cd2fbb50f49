"""A folder of images, straight from the files; sub-folders are classes."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ssl_objectives.footprint.plan import DoesNotFit, MemoryPlan, check_fits
from ssl_objectives.images.frames import SUFFIXES, FrameFormat, natural, read_image
from ssl_objectives.images.source import (
    ArrayImages,
    ImageSplit,
    ImageSubset,
    check_share,
    split_by_hash,
)
from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import DatasetError

_SPLITS = {"train", "training", "test", "val", "valid", "validation"}


@dataclass(frozen=True)
class FolderConfig:
    """A folder of images; where they lie in several folders, these are the classes.

    All of them are read into memory once. What does not fit there is imported first
    (`curious import`), and read from disk.
    """

    path: Path = Path("pictures")
    """the folder; PNG, JPEG, BMP, WebP and TIFF files at any depth"""
    size: tuple[int, int] | None = None
    """resize to this height and width (none: all images have one size already)"""
    channels: int = 3
    """3: red, green, blue; 1: gray"""
    test_share: float = 0.1
    """images kept for the test, chosen by a hash of their pixels"""

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, not {self.channels}")
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"size must be at least 1 × 1, not {self.size}")
        check_share(self.test_share)

    def open(self) -> ImageSplit:
        """Read all images.

        Raises:
            DatasetError: no folder or no image there, a damaged file, images of several
                sizes and no `size`, or one image only.
            DoesNotFit: they are more than there is memory.
        """
        files = _files(self.path)
        pixels = torch.from_numpy(self._read(files))
        labels, names = _classes(self.path, files)
        everything = ArrayImages(pixels, labels, names)
        keys = [image.numpy().tobytes() for image in pixels]
        try:
            is_test = split_by_hash(keys, self.test_share)
        except ValueError:
            raise DatasetError(
                f"{self.path} has one image only (or copies of one); a test needs "
                "another."
            ) from None
        train, test = (
            ImageSubset(everything, torch.from_numpy(np.flatnonzero(x)))
            for x in (~is_test, is_test)
        )
        kinds = f", {len(names)} classes" if names else ""
        about = f"{self.path}, {train.num_rows:,} + {test.num_rows:,} images{kinds}"
        return ImageSplit(train, test, about=about)

    def _read(self, files: Sequence[Path]) -> NDArray[np.uint8]:
        """uint8 [N, C, H, W]."""
        first = self._frame(files[0])
        try:
            plan = MemoryPlan().add("images", len(files) * first.nbytes, "their size")
            check_fits(plan, "cpu")
        except DoesNotFit as error:
            raise DoesNotFit(
                f"{error}\n\nOr turn them into a data set, which is read from disk: "
                f"curious import {shlex.quote(str(self.path))} --out FOLDER"
            ) from error
        images = np.empty((len(files), *first.shape), np.uint8)
        for i, file in enumerate(files):
            frame = self._frame(file)
            if frame.shape != first.shape:
                raise DatasetError(
                    f"{file} has {frame.shape[1]} × {frame.shape[2]} pixels (height × "
                    f"width), {files[0]} has {first.shape[1]} × {first.shape[2]}. Give "
                    "a size to resize all of them to."
                )
            images[i] = frame
        return images

    def _frame(self, file: Path) -> NDArray[np.uint8]:
        form = FrameFormat(self.size, self.channels == 1)
        picture = read_image(file, form.gray)
        if self.channels == 3 and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, 2)
        return form.frame(picture)


def _files(folder: Path) -> list[Path]:
    """All images below a folder, in the order of folders and names."""
    if not folder.exists():
        raise DatasetError(nothing_at(folder))
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder of images.{unpack_first(folder)}")
    found = [
        x
        for x in folder.rglob("*")
        if x.suffix.lower() in SUFFIXES and not x.name.startswith(".")
    ]
    if not found:
        raise DatasetError(
            f"{folder} has no image ({' '.join(SUFFIXES)}).{unpack_first(folder)}"
        )
    return sorted(found, key=lambda x: (natural(x.parent), natural(x.name)))


def _classes(
    folder: Path, files: Sequence[Path]
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Class numbers and names; None where all images lie in one folder."""
    each = [x.parent.relative_to(folder).as_posix() for x in files]
    names = tuple(sorted(set(each), key=natural))
    if len(names) == 1:
        return None, ()
    parts = {x.partition("/")[0] for x in names}
    if {x.lower() for x in parts} <= _SPLITS:
        raise DatasetError(
            f"{folder} holds {' and '.join(sorted(parts))}, which would become "
            "classes. Give one of them: a test is split off it."
        )
    numbers = {name: i for i, name in enumerate(names)}
    return torch.tensor([numbers[x] for x in each]), names
