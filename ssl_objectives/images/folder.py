"""A folder of images, straight from the files; sub-folders are classes."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ssl_objectives.footprint.plan import DoesNotFit, MemoryPlan, check_fits
from ssl_objectives.images.decoding import decoded
from ssl_objectives.images.files import Found, find_files, named_classes
from ssl_objectives.images.frames import SUFFIXES, FrameFormat
from ssl_objectives.images.own_splits import (
    FolderPart,
    OwnSplits,
    own_splits,
    same_classes,
)
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

_WITHOUT = (
    "Or take all images without classes: --images.no-classes. (A folder of train and "
    "test, or val, and nothing else is taken as it is split.)"
)


@dataclass(frozen=True)
class FolderConfig:
    """A folder of images; where they lie in several folders, these are the classes.

    A folder that holds `train` and beside it `test` or `val` is split already: the
    classes are inside them, and `test_share` has no meaning. All images are read into
    memory once. What does not fit there is imported first (`curious import`), and read
    from disk.
    """

    path: Path = Path("pictures")
    """the folder; PNG, JPEG, BMP, WebP and TIFF files at any depth"""
    size: tuple[int, int] | None = None
    """resize to this height and width (none: all images have one size already)"""
    crop: bool = False
    """where sides are in another proportion than size, resize the largest middle part
    that has it; else all of an image is squeezed"""
    channels: int = 3
    """3: red, green, blue; 1: gray"""
    convert: bool = False
    """take the upper 8 of 16 bits a channel, instead of refusing such files"""
    classes: bool = True
    """folders are the classes of their images; else nothing is known of them"""
    test: str | None = None
    """of a folder that is split already, the part that is measured on (none: test, or
    val where there is no test)"""
    test_share: float = 0.1
    """images kept for the test, chosen by a hash of their pixels, of a folder that is
    not split already"""
    workers: int = 0
    """threads that decode files (0: one for each core); images are the same"""

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 or 3, not {self.channels}")
        if self.size is not None and min(self.size) < 1:
            raise ValueError(f"size must be at least 1 × 1, not {self.size}")
        if self.crop and self.size is None:
            raise ValueError("crop needs a size to cut images to")
        if self.workers < 0:
            raise ValueError(f"workers must be at least 0, not {self.workers}")
        check_share(self.test_share)

    def open(self) -> ImageSplit:
        """Read all images.

        Raises:
            DatasetError: no folder or no image there, a damaged file, images of several
                sizes and no `size`, one image only, folders that are no classes, or
                parts whose classes differ.
            DoesNotFit: they are more than there is memory.
        """
        splits = own_splits(self.path, SUFFIXES)
        if splits is not None:
            return self._own(splits)
        if self.test is not None:
            raise DatasetError(
                f"{self.path} is not split already, so that there is no {self.test!r} "
                "to measure on: it would hold train, test or val beside it, and no "
                "other folder. Leave out --images.test: a test is split off it."
            )
        part = self._part(self.path)
        read, on_white = self._read(part.found.files)
        pixels = torch.from_numpy(read)
        everything = ArrayImages(pixels, part.labels, part.names)
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
        about = f"{self.path}, {train.num_rows:,} + {test.num_rows:,} images"
        notes = (*part.found.notes, *on_white_note(on_white))
        return ImageSplit(train, test, about=about + part.kinds, notes=notes)

    def _own(self, splits: OwnSplits) -> ImageSplit:
        """The parts of a folder that is split already, as they are."""
        train = self._part(splits.train)
        test = self._measured_on(train, splits)
        labels, told = same_classes(train, test)
        count = len(train.found.files)
        read, on_white = self._read((*train.found.files, *test.found.files))
        pixels = torch.from_numpy(read)
        left_out = [
            f"{x.folder.name}: {y}" for x in (train, test) for y in x.found.notes
        ]
        unread = [x for x in (*splits.tests, *splits.others) if x != test.folder]
        if unread:
            names = ", ".join(x.name for x in unread)
            told = (*told, f"Not read: {names} (--images.test NAME measures on it).")
        return ImageSplit(
            ArrayImages(pixels[:count], train.labels, train.names),
            ArrayImages(pixels[count:], labels, train.names),
            about=f"{self.path}, {count:,} images of {train.folder.name} + "
            f"{len(read) - count:,} of {test.folder.name}{train.kinds}",
            notes=(*left_out, *told, *on_white_note(on_white)),
        )

    def _measured_on(self, train: FolderPart, splits: OwnSplits) -> FolderPart:
        """Of the parts that come into question the first whose classes are known."""
        parts = (self._part(x) for x in splits.measured_on(self.test))
        first = next(parts)
        if first.names or not train.names:
            return first
        return next((x for x in parts if x.names), first)

    def _part(self, folder: Path) -> FolderPart:
        """All images below a folder, and their classes, if these are wanted."""
        found = _found(folder)
        if not self.classes:
            return FolderPart(folder, found)
        numbers, names = named_classes(folder, found.files, _WITHOUT)
        labels = torch.tensor(numbers) if names else None
        return FolderPart(folder, found, labels, names)

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
        each = decoded(files, self._frame, self.workers)
        for i, (file, (frame, laid)) in enumerate(zip(files, each, strict=True)):
            on_white += laid
            if frame.shape != first.shape:
                raise DatasetError(
                    f"{file} has {frame.shape[1]} × {frame.shape[2]} pixels (height × "
                    f"width), {files[0]} has {first.shape[1]} × {first.shape[2]}. Give "
                    "a size to resize all of them to: --images.size 64 64."
                )
            images[i] = frame
        return images, on_white

    def _frame(self, file: Path) -> tuple[NDArray[np.uint8], bool]:
        form = FrameFormat(self.size, self.channels == 1, self.crop)
        picture, on_white = read_image(file, form.gray, self.convert)
        if self.channels == 3 and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, 2)
        return form.frame(picture), on_white


def _found(folder: Path) -> Found:
    """All images below a folder."""
    if not folder.exists():
        raise DatasetError(
            f"{nothing_at(folder)} Give a folder of images: --images.path DIR."
        )
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
