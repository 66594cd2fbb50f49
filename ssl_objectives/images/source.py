"""Image data sets to pretrain and probe on: numbered rows, read by random access.

A data set is an `ImagesConfig`; opened, it is an `ImageSplit` of two `ImageSource`s,
one to learn from and one to test with. No image is in both.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from ssl_objectives.pixels import check_bytes

UNKNOWN = -1  # the label of an image whose class is not known


class ImageSource(ABC):
    """An image data set: images numbered from 0, and labels where some are known.

    Attributes:
        image_shape: (C, H, W).
        num_rows: N, how many images there are.
        labels: [N] class numbers, -1 where unknown; None where there are no classes.
        class_names: what class 0, 1, … is called; empty where there are no classes.
    """

    image_shape: tuple[int, int, int]
    num_rows: int
    labels: Int64[Tensor, "N"] | None = None
    class_names: tuple[str, ...] = ()

    @abstractmethod
    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number, in any order, on the CPU; a copy that is the caller's.

        Bytes, 0 to 255: whoever reads other numbers refuses them (`NotBytes`).
        """


class ArrayImages(ImageSource):
    """Images in memory.

    Args:
        images: all of them.
        labels: class numbers, -1 where unknown; None where there are no classes.
        class_names: what the classes are called.

    Raises:
        NotBytes: images of other numbers; says how to convert them.
    """

    def __init__(
        self,
        images: UInt8[Tensor, "N C H W"],
        labels: Int64[Tensor, "N"] | None = None,
        class_names: tuple[str, ...] = (),
    ) -> None:
        check_bytes(images, "A source of images")
        _, channels, height, width = images.shape
        self._images = images
        self.image_shape = (channels, height, width)
        self.num_rows = len(images)
        self.labels = labels
        self.class_names = class_names

    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number."""
        return self._images[rows]


class ImageSubset(ImageSource):
    """Some rows of another source, numbered from 0 again.

    Args:
        source: the images.
        rows: which of them.
    """

    def __init__(self, source: ImageSource, rows: Int64[Tensor, "n"]) -> None:
        self._source, self._rows = source, rows
        self.image_shape = source.image_shape
        self.num_rows = len(rows)
        self.labels = None if source.labels is None else source.labels[rows]
        self.class_names = source.class_names

    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number."""
        return self._source.read(self._rows[rows])


@dataclass(frozen=True)
class ImageSplit:
    """The splits of a data set: train, test, and what probes are fitted on.

    Attributes:
        train: images to pretrain on.
        test: images that are looked at only to measure.
        fit: images that probes are fitted on; None takes `train`. A mixture with
            generated images names its real ones here.
        about: one line for people: what the images are, and how many.
        notes: what people should know before they believe a number, a sentence each.
    """

    train: ImageSource
    test: ImageSource
    fit: ImageSource | None = None
    about: str = ""
    notes: tuple[str, ...] = ()

    @property
    def probed(self) -> ImageSource:
        """The images that probes are fitted on."""
        return self.train if self.fit is None else self.fit


@runtime_checkable
class ImagesConfig(Protocol):
    """Describes a data set of images: a dataclass whose fields are its settings."""

    def open(self) -> ImageSplit:
        """Find the images, and split them.

        Raises:
            DatasetError: they are not there, damaged, unlike each other, or too few.
        """


def split_by_hash(keys: Sequence[bytes], share: float) -> NDArray[np.bool_]:
    """Which of N things belong to the test: a share of all keys, fixed for ever.

    A hash of the key decides, never the order: new things move no old ones, and equal
    keys lie on one side. Where few keys leave one side empty, the key that is nearest
    to it goes over.

    Args:
        keys: what tells the things apart.
        share: of the test, above 0 and below 1.

    Returns:
        bool [N].

    Raises:
        ValueError: all keys are equal, so that there are no two sides.
    """
    numbers = np.array([_hashed(x) for x in keys])
    if not len(numbers) or numbers.min() == numbers.max():
        raise ValueError("there is only one thing, and a split needs two")
    # inside these bounds neither side is empty
    bound = np.clip(share, np.nextafter(numbers.min(), 1), numbers.max())
    return np.asarray(numbers < bound)


def _hashed(key: bytes) -> float:
    """A number in [0, 1) that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key).digest()[:6]) / 2**48


def check_share(share: float) -> None:
    """Refuse a test's share that leaves one side empty.

    Raises:
        ValueError: it is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise ValueError(f"test_share must be above 0 and below 1, not {share}")
