"""Frames of a recorded or imported data set as images to pretrain and probe on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor

from ssl_objectives.images.episodes import Episodes
from ssl_objectives.images.source import (
    ImageSource,
    ImageSplit,
    ImageSubset,
    check_share,
    split_by_hash,
)
from ssl_objectives.refusal import DatasetError, suggest
from world_models.data.dataset import Dataset, open_dataset
from world_models.data.format import FACTS

LABEL = "label"  # the fact that class folders become when they are imported
MOST_CLASSES = 1_000


class RecordedImages(ImageSource):
    """All frames of a data set, memory-mapped.

    Args:
        dataset: the data set.
        episodes: of its rows; neither stacks nor pairs reach across their ends.
        labels: class numbers of its rows; None where there are no classes.
        class_names: what the classes are called.
        stack: frames of an image: itself and those before it, the oldest first.
    """

    def __init__(
        self,
        dataset: Dataset,
        episodes: Episodes,
        labels: Int64[Tensor, "N"] | None = None,
        class_names: tuple[str, ...] = (),
        stack: int = 1,
    ) -> None:
        self._reader, self._stack, self._episodes = dataset.reader, stack, episodes
        channels, height, width = dataset.spec.obs_shape
        self.image_shape = (stack * channels, height, width)
        self.num_rows = dataset.num_rows
        self.labels = labels
        self.class_names = class_names

    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number."""
        frames = []
        for age in reversed(range(self._stack)):
            row = torch.maximum(rows - age, self._episodes.first(rows)) if age else rows
            frames.append(self._reader.read(row.numpy(), 1, ("obs",))["obs"][0])
        return torch.from_numpy(np.concatenate(frames, 1))

    def pairs(self, rows: Int64[Tensor, "n"], apart: int) -> UInt8[Tensor, "n 2 C H W"]:
        """Each image and the one `apart` steps later in its episode; stacks of both.

        Raises:
            ConfigError: every image is an episode of its own, as imported ones are.
        """
        return torch.stack([self.read(x) for x in self._episodes.pairs(rows, apart)], 1)


@dataclass(frozen=True)
class RecordedConfig:
    """Frames of a data set: recorded in a world, or imported.

    Whole episodes go to the test, so that no frame there has its neighbours among the
    training images. Images that were imported one by one are an episode each.
    """

    path: Path = Path("data/key-door")
    """the data set's folder"""
    fact: str | None = None
    """the fact that is the class of a frame (none: `label`, where there is one)"""
    test_share: float = 0.1
    """episodes kept for the test, chosen by a hash of their place"""
    stack: int = 1
    """frames of an image, as channels: itself and those before it in its episode, the
    oldest first; where there are none, the first again"""

    def __post_init__(self) -> None:
        check_share(self.test_share)
        if self.stack < 1:
            raise ValueError(f"stack must be at least 1, not {self.stack}")

    def open(self) -> ImageSplit:
        """Open the data set; frames stay on disk.

        Raises:
            DatasetError: none there, or damaged; no such fact, or it has no classes;
                one episode only.
        """
        dataset = open_dataset(self.path)
        labels, names = self._classes(dataset)
        starts = self._starts(dataset)
        lengths = np.diff(np.append(starts, dataset.num_rows))
        episodes = Episodes(torch.from_numpy(starts), dataset.num_rows)
        frames = RecordedImages(dataset, episodes, labels, names, self.stack)
        is_test = np.repeat(self._chosen(dataset, starts), lengths)
        train, test = (
            ImageSubset(frames, torch.from_numpy(np.flatnonzero(x)))
            for x in (~is_test, is_test)
        )
        kinds = f", {len(names)} classes" if names else ""
        about = f"{self.path}, {train.num_rows:,} + {test.num_rows:,} frames{kinds}"
        return ImageSplit(train, test, about=about)

    def _starts(self, dataset: Dataset) -> NDArray[np.int64]:
        """First rows of all episodes."""
        begins = dataset.index.stream_begin
        return np.union1d(dataset.first_rows(), begins[:-1])

    def _chosen(self, dataset: Dataset, starts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which episodes are the test's."""
        begins = dataset.index.stream_begin
        stream = np.searchsorted(begins, starts, side="right") - 1
        places = zip(stream.tolist(), (starts - begins[stream]).tolist(), strict=True)
        keys = [f"stream {x} row {row}".encode() for x, row in places]
        try:
            return split_by_hash(keys, self.test_share)
        except ValueError:
            raise DatasetError(
                f"{self.path} has one episode only. A test needs another: frames of "
                "the same one are too much alike."
            ) from None

    def _classes(self, dataset: Dataset) -> tuple[Tensor | None, tuple[str, ...]]:
        """Class numbers and names, or None."""
        facts = dataset.spec.facts
        name = self.fact or (LABEL if LABEL in facts else None)
        if name is None:
            return None, ()
        if name not in facts:
            known = suggest(name, list(facts)) or " It has none."
            raise DatasetError(f"{self.path} has no fact {name!r}.{known}")
        column = facts[name]
        if column.shape or np.dtype(column.dtype).kind == "f":
            raise DatasetError(
                f"The fact {name!r} of {self.path} is no class: it is {column.dtype}"
                f"{column.shape or ''}, and a class is one whole number. Choose "
                "another."
            )
        key = FACTS + name
        blocks = [block[key] for _, block in dataset.reader.blocks(names=(key,))]
        values = np.concatenate(blocks).astype(np.int64)
        if column.names:
            return torch.from_numpy(values), column.names
        known_values, numbers = np.unique(values, return_inverse=True)
        if len(known_values) > MOST_CLASSES:
            raise DatasetError(
                f"The fact {name!r} of {self.path} has {len(known_values):,} values, "
                f"and classes are at most {MOST_CLASSES:,}. Choose another."
            )
        names = tuple(f"{name} {x}" for x in known_values.tolist())
        return torch.from_numpy(numbers.astype(np.int64)), names
