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
from ssl_objectives.images.files import Found, find_files, named_classes
from ssl_objectives.images.frames import SUFFIXES, FrameFormat
from ssl_objectives.images.picture import on_white_note, read_image
from ssl_objectives.images.source import (
    ArrayImages,
    ImageSplit,
    ImageSubset,
    check_share,
    split_by_hash,
)
from ssl_objectives.paths import nothing_at, unpack_first
from ssl_objectives.refusal import DatasetError

_WITHOUT = "Or take all images without classes: --images.no-classes."


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
    classes: bool = True
    """folders are the classes of their images; else nothing is known of them"""
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
                sizes and no `size`, one image only, or folders that are no classes.
            DoesNotFit: they are more than there is memory.
        """
        found = _found(self.path)
        labels, names = self._classes(found.files)
        read, on_white = self._read(found.files)
        pixels = torch.from_numpy(read)
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
        notes = (*found.notes, *on_white_note(on_white))
        return ImageSplit(train, test, about=about, notes=notes)

    def _classes(self, files: Sequence[Path]) -> tuple[Tensor | None, tuple[str, ...]]:
        """Class numbers and names; None where all images lie in one folder."""
        if not self.classes:
            return None, ()
        numbers, names = named_classes(self.path, files, _WITHOUT)
        return (torch.tensor(numbers) if names else None), names

    def _read(self, files: Sequence[Path]) -> tuple[NDArray[np.uint8], int]:
        """uint8 [N, C, H, W], and how many of them were laid on white."""
        first, _ = self._frame(files[0])
        try:
            plan = MemoryPlan().add("images", len(files) * first.nbytes, "their size")
            check_fits(plan, "cpu")
        except DoesNotFit as error:
            raise DoesNotFit(
                f"{error}\n\nOr turn them into a data set, which is read from disk: "
                f"curious import {shlex.quote(str(self.path))} --out FOLDER"
            ) from error
        images = np.empty((len(files), *first.shape), np.uint8)
        on_white = 0
        for i, file in enumerate(files):
            frame, laid = self._frame(file)
            on_white += laid
            if frame.shape != first.shape:
                raise DatasetError(
                    f"{file} has {frame.shape[1]} × {frame.shape[2]} pixels (height × "
                    f"width), {files[0]} has {first.shape[1]} × {first.shape[2]}. Give "
                    "a size to resize all of them to."
                )
            images[i] = frame
        return images, on_white

    def _frame(self, file: Path) -> tuple[NDArray[np.uint8], bool]:
        form = FrameFormat(self.size, self.channels == 1)
        picture, on_white = read_image(file, form.gray)
        if self.channels == 3 and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, 2)
        return form.frame(picture), on_white


def _found(folder: Path) -> Found:
    """All images below a folder."""
    if not folder.exists():
        raise DatasetError(nothing_at(folder))
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder of images.{unpack_first(folder)}")
    found = find_files(folder, SUFFIXES)
    if not found.files:
        left_out = "".join(f" {x}" for x in found.notes)
        raise DatasetError(
            f"{folder} has no image ({' '.join(SUFFIXES)}).{unpack_first(folder)}"
            f"{left_out}"
        )
    return found
