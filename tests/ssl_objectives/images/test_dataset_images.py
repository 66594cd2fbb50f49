"""Data sets of others as sources: numbers, draws, labels, workers."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)

from ssl_objectives.images.dataset_images import DatasetImages
from ssl_objectives.images.global_draws import own_draws
from ssl_objectives.images.loaders import first_images, images_of
from ssl_objectives.images.source import ImageSubset
from ssl_objectives.refusal import ConfigError, DatasetError

N = 20


class Numbered(Dataset[Any]):
    """Images that show their number; a second channel is drawn anew every time."""

    classes = ("even", "odd")

    def __len__(self) -> int:
        return N

    def __getitem__(self, number: int) -> tuple[Tensor, int, str]:
        image = torch.full((4, 2, 3), number, dtype=torch.uint8)
        image[1] = torch.randint(256, (2, 3))
        image[2] = int(np.random.randint(256))  # noqa: NPY002
        image[3] = random.randrange(256)
        return image, number % 2, "a name"


class Unlike(Numbered):
    def __getitem__(self, number: int) -> Any:
        return torch.zeros(3, 4, 4 + (number == 7), dtype=torch.uint8)


class Listed(Numbered):
    targets = tuple(x % 2 for x in range(N))


class Stream(IterableDataset[Tensor]):
    def __iter__(self) -> Any:
        return iter([torch.zeros(1, 4, 4)])


def drawn(workers: int, begin: int, steps: int) -> list[Tensor]:
    """Batches of three from a step on."""
    source = DatasetImages(Numbered(), workers=workers)
    batches = ((x, torch.tensor([x, 5, 2 * x])) for x in range(begin, begin + steps))
    return list(source.ahead(batches))


def test_images_come_by_number_and_draws_follow_from_it() -> None:
    source = DatasetImages(Numbered())
    assert source.image_shape == (4, 2, 3)
    assert source.num_rows == N
    rows = torch.tensor([7, 0, 7])
    images = source.read(rows)
    assert images[:, 0, 0, 0].tolist() == [7, 0, 7]
    assert torch.equal(images[0], images[2])
    assert torch.equal(images, source.read(rows))
    assert (images[0, 1:] != images[1, 1:]).any()


def test_draws_of_everybody_else_go_on_as_before() -> None:
    def some() -> list[float]:
        return [torch.rand(()).item(), np.random.rand(), random.random()]  # noqa: NPY002

    def begin() -> None:
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)

    begin()
    expected = some()
    begin()
    with own_draws() as begin_with:
        begin_with(1, 2)
        one = some()
        begin_with(1, 2)
        assert some() == one
        begin_with(2, 1)
        assert all(x != y for x, y in zip(some(), one, strict=True))
    assert some() == expected
    source = DatasetImages(Numbered(), workers=1)
    begin()
    source.read(torch.arange(5))
    list(source.ahead(iter([(0, torch.arange(3))])))
    assert some()[:2] == expected[:2]  # whoever checks types here draws of Python's


def test_workers_and_where_it_begins_change_nothing() -> None:
    alone = drawn(0, 0, 6)
    assert [x[0, 0, 0, 0].item() for x in alone] == [0, 1, 2, 3, 4, 5]
    assert all(map(torch.equal, alone, drawn(2, 0, 6)))
    assert all(map(torch.equal, alone[3:], drawn(2, 3, 3)))
    # the same image is drawn anew in another step
    assert not torch.equal(alone[0][1], alone[1][1])


def test_no_step_draws_what_a_probe_is_shown() -> None:
    """The first one neither: what is read by number has draws of its own."""
    source, rows = DatasetImages(Numbered()), torch.tensor([4, 9])
    seen = [source.read(rows), *source.ahead((x, rows) for x in range(4))]
    assert all(torch.equal(x[:, 0], seen[0][:, 0]) for x in seen)
    assert len({x[:, 1:].numpy().tobytes() for x in seen}) == len(seen)


def test_a_part_draws_as_the_whole_does() -> None:
    """By the numbers of the whole, and by the step."""
    source, chosen = DatasetImages(Numbered()), torch.tensor([3, 17, 8, 5])
    own = [torch.tensor(x) for x in ([2, 0], [2, 0], [1, 3])]
    made = list(ImageSubset(source, chosen).ahead(iter(enumerate(own, 6))))
    wanted = source.ahead((step, chosen[x]) for step, x in enumerate(own, 6))
    assert all(map(torch.equal, made, wanted))
    assert not torch.equal(made[0], made[1])


def test_many_images_are_read_by_the_workers() -> None:
    rows = torch.tensor([7, 3, 19, 0, 5])
    for workers in (0, 2):
        source = DatasetImages(Numbered(), workers=workers)
        part = ImageSubset(source, torch.arange(N).flip(0))
        for one, own in ((source, rows), (part, N - 1 - rows)):
            parts = list(one.portions(own, 2))
            assert [len(x) for x in parts] == [2, 2, 1]
            assert torch.equal(torch.cat(parts), source.read(rows))


def test_labels_are_found_where_they_are() -> None:
    assert DatasetImages(Numbered()).labels is None
    known = torch.arange(N) % 2
    source = DatasetImages(Listed())
    assert source.labels is not None
    assert torch.equal(source.labels, known)
    assert source.class_names == ("even", "odd")
    part = DatasetImages(Subset(Subset(Listed(), [1, 2, 4]), [0, 2]))
    assert part.labels is not None
    assert part.labels.tolist() == [1, 0]
    assert part.class_names == ("even", "odd")
    given = DatasetImages(Numbered(), labels=[3] * N)
    assert given.labels is not None
    assert given.labels.unique().tolist() == [3]
    number = TensorDataset(torch.zeros(3, 1, 4, 4), torch.tensor([2, 0, 0]))
    assert DatasetImages(number).read_labels().class_names == ("0", "1", "2")
    for workers in (0, 1):
        read = DatasetImages(Numbered(), workers=workers).read_labels()
        assert read.labels is not None
        assert torch.equal(read.labels, known)
    with pytest.raises(DatasetError, match="No item has a label"):
        DatasetImages(TensorDataset(torch.zeros(3, 1, 4, 4))).read_labels()
    with pytest.raises(ConfigError, match="1 labels of 20 items"):
        DatasetImages(Numbered(), labels=[3])


@pytest.mark.parametrize("workers", [0, 1])
def test_images_of_several_sizes_are_named(workers: int) -> None:
    source = DatasetImages(Unlike(), workers=workers)
    batches = iter([(0, torch.tensor([1, 2])), (1, torch.tensor([3, 7]))])
    images = source.ahead(batches)
    next(images)
    with pytest.raises(DatasetError, match=r"^Item 7 is \(3, 4, 5\), item 0 is"):
        next(images)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_item_that_cannot_be_read_is_named(workers: int) -> None:
    class Broken(Numbered):
        def __getitem__(self, number: int) -> tuple[Tensor, int, str]:
            if number == 7:
                raise OSError("cannot read 7.jpg")
            return super().__getitem__(number)

    images = DatasetImages(Broken(), workers=workers)
    message = r"^Item 7 cannot be read: OSError: cannot read 7.jpg\. Mend it"
    with pytest.raises(DatasetError, match=message):
        images.read(torch.arange(N))


def test_a_loader_lends_its_data_set_and_its_workers() -> None:
    source = DatasetImages.of(DataLoader(Listed(), 5, shuffle=True, num_workers=2))
    assert (source.num_rows, source.workers) == (N, 2)


class Pairs(BatchSampler):
    """A way of its own to make batches."""


def collated(batch: list[Any]) -> Any:
    return batch


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (DataLoader(Stream()), "a Stream, has no items by number"),
        (
            DataLoader(Numbered(), sampler=WeightedRandomSampler([1.0] * N, N)),
            "draws by a WeightedRandomSampler",
        ),
        (
            DataLoader(Numbered(), sampler=RandomSampler(Numbered(), replacement=True)),
            "draws by a RandomSampler",
        ),
        (
            DataLoader(
                Numbered(), batch_sampler=Pairs(SequentialSampler([1]), 2, True)
            ),
            "makes batches by a Pairs",
        ),
        (DataLoader(Numbered(), collate_fn=collated), "collate_fn of its own"),
    ],
)
def test_what_would_be_lost_is_refused(loader: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"{message}.*step_on"):
        DatasetImages.of(loader)


def test_what_is_no_data_set_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"A Stream has no items by number.*step_on"):
        DatasetImages(Stream())
    with pytest.raises(ConfigError, match="is empty"):
        DatasetImages([])
    with pytest.raises(ConfigError, match="workers must be at least 0"):
        DatasetImages(Numbered(), workers=-1)
    with pytest.raises(DatasetError, match="Item 0 is a int"):
        DatasetImages([1, 2])


def test_batches_of_a_loader_are_bytes() -> None:
    images = torch.rand(4, 1, 2, 3)
    expected = (255 * images).round().byte()
    for batch in (images, (images, 1), [(images, images), 3], {"img": images}):
        assert torch.equal(images_of(batch), expected)
    assert first_images(DataLoader(TensorDataset(images), 3)).num_rows == 3
    with pytest.raises(DatasetError, match="gives no batch"):
        first_images([])
    with pytest.raises(DatasetError, match=r"of the shape \(1, 2, 3\)"):
        images_of(images[0])
    with pytest.raises(DatasetError, match="A batch is str"):
        images_of("x")
