"""Any map-style data set of PyTorch's kind as a source, read by worker processes.

A data set is what has `len` and gives an item for each number; see `items.py` for what
an item may be. Batches are asked for by number, so that their order is that of the run:
neither workers nor resumes change it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from ssl_objectives.images.global_draws import own_draws
from ssl_objectives.images.items import label_of, read_item
from ssl_objectives.images.loaders import check_order
from ssl_objectives.images.source import UNKNOWN, ImageSource
from ssl_objectives.images.watched import counting
from ssl_objectives.refusal import ConfigError, DatasetError, Refusal

PORTION = 64  # images that a worker reads at once, where labels are looked for
AHEAD = 2  # batches that wait for each worker


Batch = tuple[int, list[int]]  # what its draws follow from, and its rows
Read = tuple[UInt8[Tensor, "n C H W"], list[int]]  # images and labels


class DatasetImages(ImageSource):
    """Items of a data set as images, in bytes; decoded anew whenever they are read.

    What an item draws of the global generators of PyTorch, NumPy and Python (random
    transforms) follows from its number and the step, so that N steps, a resume and N
    more give what 2N give at once. Generators of its own are not known here.

    Args:
        dataset: has `len`, and gives an item for each number; a `Dataset`, a list or
            anything alike. It is sent to the workers as `DataLoader` does that.
        labels: class numbers of all items, -1 where unknown; None takes the attribute
            `targets` or `labels` of the data set, as torchvision's have, or of that
            which a `Subset` is of. `read_labels` finds what is in the items alone.
        class_names: what the classes are called; none takes the attribute `classes`, or
            the numbers.
        workers: processes that read ahead; 0 reads when it is asked to.

    Raises:
        ConfigError: the data set has no numbers, is empty, or has too few labels.
        DatasetError: its first item is no image.
    """

    def __init__(
        self,
        dataset: Any,
        labels: Sequence[int] | Int64[Tensor, "N"] | None = None,
        class_names: Sequence[str] = (),
        workers: int = 0,
    ) -> None:
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
            raise ConfigError(
                f"A {type(dataset).__name__} has no items by number. Train on batches "
                "of your own loader instead: trainer.step_on(images)."
            )
        self.num_rows = len(dataset)
        if not self.num_rows:
            raise ConfigError(f"The data set, a {type(dataset).__name__}, is empty.")
        if workers < 0:
            raise ConfigError(f"workers must be at least 0, not {workers}")
        self.dataset, self.workers = dataset, workers
        self._items = _Items(dataset)
        first, _ = _checked(self._items[(0, [0])])
        channels, height, width = first.shape[1:]
        self.image_shape = (channels, height, width)
        self._items.shape = self.image_shape
        found = _labels(dataset) if labels is None else labels
        if found is not None:
            self.labels = torch.as_tensor([label_of(x) for x in found])
            if len(self.labels) != self.num_rows:
                raise ConfigError(
                    f"There are {len(self.labels):,} labels of {self.num_rows:,} items."
                )
        self._names = class_names or getattr(_whole(dataset), "classes", ()) or ()
        self._name_classes()

    @classmethod
    def of(cls, loader: DataLoader[Any]) -> "DatasetImages":
        """The data set of a loader, read by as many workers as it has.

        Batch size and order are those of the run, not the loader's.

        Raises:
            ConfigError: the loader does what would be lost: a sampler or `collate_fn`
                of its own, or a data set without numbers.
        """
        check_order(loader)
        return cls(loader.dataset, workers=loader.num_workers)

    def read(self, rows: Int64[Tensor, "n"]) -> UInt8[Tensor, "n C H W"]:
        """Images by number, each with the draws of its number alone."""
        return _checked(self._items[(0, rows.tolist())])[0]

    def portions(
        self, rows: Int64[Tensor, "N"], size: int
    ) -> Iterator[UInt8[Tensor, "n C H W"]]:
        """Many images, `size` at once, as `read` gives them; read by the workers."""
        return (images for images, _ in self._portions(rows.tolist(), size))

    def ahead(
        self, batches: Iterable[tuple[int, Int64[Tensor, "n"]]]
    ) -> Iterator[UInt8[Tensor, "n C H W"]]:
        """Batches, each image with the draws of its number and of the step.

        The workers begin them before they are wanted.
        """
        keyed = ((1 + step, rows.tolist()) for step, rows in batches)
        return (images for images, _ in self._read(keyed))

    def read_labels(self) -> "DatasetImages":
        """Reads all items once, and takes the labels that are in them.

        Raises:
            DatasetError: not one item has a label.
        """
        each = self._portions(range(self.num_rows), PORTION)
        labels = [x for _, part in each for x in part]
        if all(x == UNKNOWN for x in labels):
            raise DatasetError(
                "No item has a label: an item would be (image, whole number), or a "
                "mapping with 'label'."
            )
        self.labels = torch.tensor(labels)
        self._name_classes()
        return self

    def _name_classes(self) -> None:
        """By their numbers where nobody has named them; not at all without labels."""
        if self.labels is not None:
            count = 1 + int(self.labels.max())
            names = self._names if len(self._names) >= count else range(count)
            self.class_names = tuple(str(x) for x in names)

    def _portions(self, numbers: Sequence[int], size: int) -> Iterator[Read]:
        """All of these, some at once; whoever waits is told how far it is."""
        parts = [(0, list(numbers[x : x + size])) for x in range(0, len(numbers), size)]
        with counting("images", len(numbers)) as advance:
            for made in self._read(iter(parts)):
                advance(len(made[1]))
                yield made

    def _read(self, batches: Iterator[Batch]) -> Iterator[Read]:
        if not self.workers:
            for batch in batches:
                yield _checked(self._items[batch])
            return
        loader = DataLoader(
            self._items,
            batch_size=None,
            sampler=_Told(batches),
            num_workers=self.workers,
            prefetch_factor=AHEAD,
            collate_fn=_as_it_is,
            # so that the loader draws nothing of PyTorch's own stream
            generator=torch.Generator(),
        )
        for made in loader:
            yield _checked(made)


class _Items(Dataset[Read | Refusal]):
    """Reads batches; in the processes of the workers, too."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.shape: tuple[int, ...] | None = None

    def __getitem__(self, batch: Batch) -> Read | Refusal:
        """The images and labels of a batch; what is refused is told by who asked."""
        try:
            return self._batch(*batch)
        except Refusal as refusal:
            return refusal

    def _batch(self, key: int, rows: list[int]) -> Read:
        images, labels = [], []
        with own_draws() as begin_with:
            for row in rows:
                begin_with(key, row)
                image, label = read_item(self._given(row), f"Item {row:,}")
                if self.shape is not None and image.shape != self.shape:
                    raise DatasetError(
                        f"Item {row:,} is {tuple(image.shape)}, item 0 is "
                        f"{self.shape} (channels, height, width). Have the data set "
                        "resize its images to one size."
                    )
                images.append(image)
                labels.append(label)
        if not images:
            return torch.empty((0, *(self.shape or ())), dtype=torch.uint8), labels
        return torch.stack(images), labels

    def _given(self, row: int) -> Any:
        """What the data set gives; a file that it cannot read is no mistake of code."""
        try:
            return self.dataset[row]
        except OSError as error:
            raise DatasetError(
                f"Item {row:,} cannot be read: {type(error).__name__}: {error}. Mend "
                "it, or leave it out of the data set."
            ) from error


class _Told(Iterable[Batch]):
    """A sampler of what it is told."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Batch]:
        return self._batches


def _checked(made: Read | Refusal) -> Read:
    if isinstance(made, Refusal):
        raise made
    return made


def _as_it_is(made: Any) -> Any:
    return made


def _whole(dataset: Any) -> Any:
    """What a subset is of."""
    return _whole(dataset.dataset) if isinstance(dataset, Subset) else dataset


def _labels(dataset: Any) -> Sequence[int] | None:
    """The list of labels that a data set has; None where there is none."""
    if isinstance(dataset, Subset):
        above = _labels(dataset.dataset)
        return None if above is None else [above[x] for x in dataset.indices]
    for name in ("targets", "labels"):
        found = getattr(dataset, name, None)
        if isinstance(found, Sequence | Tensor | np.ndarray):
            return found  # type: ignore[return-value]
    return None
