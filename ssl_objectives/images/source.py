"""Image data sets to pretrain and probe on: numbered rows, read by random access.

A data set is an `ImagesConfig`; opened, it is an `ImageSplit` of two `ImageSource`s,
one to learn from and one to test with. No image is in both.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from ssl_objectives.images.episodes import Episodes, no_order
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

    def ahead(
        self, batches: Iterable[tuple[int, Int64[Tensor, "n"]]]
    ) -> Iterator[UInt8[Tensor, "n C H W"]]:
        """The images of one batch after another, each as `read` gives them.

        Where reading takes long, later batches are begun before they are wanted.

        Args:
            batches: step and rows of each, as many as will be; it is asked for more
                than have been given out.
        """
        return (self.read(rows) for _, rows in batches)

    def portions(
        self, rows: Int64[Tensor, "N"], size: int
    ) -> Iterator[UInt8[Tensor, "n C H W"]]:
        """Many images, `size` at once, in order; as `read` gives them."""
        return (self.read(part) for part in rows.split(size))

    def pairs(self, rows: Int64[Tensor, "n"], apart: int) -> UInt8[Tensor, "n 2 C H W"]:
        """Each image and the one `apart` steps later in its episode; as `read`.

        Never across the end of an episode: see `Episodes.pairs`.

        Raises:
            ConfigError: these images have no order in time, as most have none.
        """
        raise no_order()


class ArrayImages(ImageSource):
    """Images in memory.

    Args:
        images: all of them.
        labels: class numbers, -1 where unknown; None where there are no classes.
        class_names: what the classes are called.
        episodes: which images follow each other; None: they have no order in time.

    Raises:
        NotBytes: images of other numbers; says how to convert them.
    """

    def __init__(
        self,
        images: UInt8[Tensor, "N C H W"],
        labels: Int64[Tensor, "N"] | None = None,
        class_names: tuple[str, ...] = (),
        episodes: Episodes | None = None,
    ) -> None:
        check_bytes(images, "A source of images")
        _, channels, height, width = images.shape
        self._images, self._episodes = images, episodes
        self.image_shape = (channels, height, width)
        self.num_rows = len(images)
        self.labels = labels
        self.class_names = class_names

    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number."""
        return self._images[rows]

    def pairs(self, rows: Int64[Tensor, "n"], apart: int) -> UInt8[Tensor, "n 2 C H W"]:
        """Each image and a later one, where it was said which follow each other."""
        if self._episodes is None:
            raise no_order()
        return self._images[torch.stack(self._episodes.pairs(rows, apart), 1)]


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

    def ahead(
        self, batches: Iterable[tuple[int, Int64[Tensor, "n"]]]
    ) -> Iterator[UInt8[Tensor, "n C H W"]]:
        """The images of one batch after another."""
        return self._source.ahead((step, self._rows[rows]) for step, rows in batches)

    def portions(
        self, rows: Int64[Tensor, "N"], size: int
    ) -> Iterator[UInt8[Tensor, "n C H W"]]:
        """Many images, `size` at once."""
        return self._source.portions(self._rows[rows], size)

    def pairs(self, rows: Int64[Tensor, "n"], apart: int) -> UInt8[Tensor, "n 2 C H W"]:
        """Each image and a later one, of whole episodes: it need not be a row here."""
        return self._source.pairs(self._rows[rows], apart)


def to_be_viewed(
    source: ImageSource, rows: Int64[Tensor, "n"], apart: int
) -> UInt8[Tensor, "n *two C H W"]:
    """What a `ViewMaker` that says `apart` is given: images, or pairs of them."""
    return source.pairs(rows, apart) if apart else source.read(rows)


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
