"""`--images dataset`: any data set of PyTorch's kind, by the name of what makes it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from experiments.config.outside import find
from ssl_objectives.images.dataset_images import DatasetImages
from ssl_objectives.images.source import (
    ImageSplit,
    ImageSubset,
    check_share,
    split_by_hash,
)
from ssl_objectives.refusal import ConfigError, DatasetError, Refusal


@dataclass(frozen=True)
class DatasetConfig:
    """A data set or DataLoader of yours, by the name of what makes it.

    `my_module:name` is a data set with `len` and items by number (images, or tuples
    that begin with one), a `DataLoader` of such, or a function or class that gives one
    when it is called without arguments. A loader lends its data set and its workers;
    batches are those of the run.
    """

    train: str = ""
    """what is trained on, as my_module:name"""
    test: str = ""
    """what is measured on, likewise (none: a share of what is trained on)"""
    test_share: float = 0.1
    """items kept for the test where none is named, chosen by a hash of their numbers:
    copies of an image may lie on both sides, and runs tell of them"""
    workers: int | None = None
    """processes that read ahead (none: as many as the loader has, else 2); 0: none"""
    labels: bool = True
    """classes are known; where the data set has no list of them (`targets` or
    `labels`), all items are read once to find them"""

    def __post_init__(self) -> None:
        check_share(self.test_share)
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"workers must be at least 0, not {self.workers}")

    def open(self) -> ImageSplit:
        """Make the data sets.

        Raises:
            ConfigError: there is no such name, or it is no data set.
            DatasetError: its items are no images, or the two are unlike each other.
        """
        if not self.train:
            raise ConfigError(
                "Which data set? Name what makes it: --images.train my_module:name."
            )
        whole = self._source(self.train, "--images.train")
        if self.test:
            train, test = whole, self._source(self.test, "--images.test")
            if train.image_shape != test.image_shape:
                raise DatasetError(
                    f"Images of {self.train} are {train.image_shape}, those of "
                    f"{self.test} {test.image_shape} (channels, height, width)."
                )
            if len(train.class_names) >= len(test.class_names):
                test.class_names = train.class_names
            return ImageSplit(train, test, about=self._about(train, test))
        keys = [f"item {x}".encode() for x in range(whole.num_rows)]
        try:
            is_test = split_by_hash(keys, self.test_share)
        except ValueError:
            raise DatasetError(
                f"{self.train} has one item only; a test needs another."
            ) from None
        one, two = (
            ImageSubset(whole, torch.from_numpy(np.flatnonzero(x)))
            for x in (~is_test, is_test)
        )
        return ImageSplit(one, two, about=self._about(one, two))

    def _source(self, name: str, flag: str) -> DatasetImages:
        made = _made(name, flag)
        if isinstance(made, DataLoader):
            source = DatasetImages.of(made)
        else:
            source = DatasetImages(made, workers=2)
        if self.workers is not None:
            source.workers = self.workers
        if not self.labels:
            source.labels, source.class_names = None, ()
        elif source.labels is None:
            try:
                source.read_labels()
            except DatasetError as error:
                raise DatasetError(
                    f"{error} Or go without: --images.no-labels."
                ) from error
        return source

    def _about(self, train: Any, test: Any) -> str:
        kinds = f", {len(train.class_names)} classes" if train.class_names else ""
        return f"{self.train}, {train.num_rows:,} + {test.num_rows:,} images{kinds}"


def _made(name: str, flag: str) -> Any:
    """The data set or loader that a name stands for.

    Raises:
        ConfigError: it cannot be made, or is neither.
    """
    made = find(name, flag)
    if callable(made) and (isinstance(made, type) or not hasattr(made, "__getitem__")):
        try:
            made = made()
        except Refusal:
            raise
        except Exception as error:
            raise ConfigError(
                f"{flag}: {name}() failed: {type(error).__name__}: {error}"
            ) from error
    if not isinstance(made, DataLoader) and not hasattr(made, "__len__"):
        raise ConfigError(
            f"{flag}: {name} gives a {type(made).__name__}, and should give a data set "
            "with len() and items by number, or a DataLoader of one."
        )
    return made
