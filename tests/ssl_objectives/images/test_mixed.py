"""Mixtures with data sets of others: batches of one kind alone, and draws by step."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ssl_objectives.images.dataset_images import DatasetImages
from ssl_objectives.images.mixed import MixedSource
from ssl_objectives.images.source import ArrayImages, ImageSource

N = 6


class Drawn(Dataset[Any]):
    """The number of an image, and beside it what is drawn anew every time."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, number: int) -> Tensor:
        pixel = torch.tensor([number, int(torch.randint(256, ()))])
        return pixel.byte().view(1, 1, 2)


def plain(count: int = 4) -> ArrayImages:
    values = 100 + torch.arange(2 * count).byte()
    return ArrayImages(values.view(count, 1, 1, 2))


def batches() -> list[tuple[int, Tensor]]:
    """Of both kinds, then of one, then of the other; rows that come back."""
    every = [[0, 7, 13], [7, 1, 0], [15, 12, 13], [6, 13, 7]]
    return [(3 + step, torch.tensor(rows)) for step, rows in enumerate(every)]


@pytest.mark.parametrize("workers", [0, 2])
def test_either_source_draws_by_the_step(workers: int) -> None:
    """Real images stand twice among the rows, as 0 to 5 and as 6 to 11."""
    real, generated = DatasetImages(Drawn(), workers=workers), plain()
    mixed = MixedSource(real, generated, repeat=2)
    made = list(mixed.ahead(iter(batches())))
    assert len(made) == len(batches())
    alone = DatasetImages(Drawn())
    for (step, rows), images in zip(batches(), made, strict=True):
        for row, image in zip(rows.tolist(), images, strict=True):
            if row < 2 * N:
                [own] = alone.ahead([(step, torch.tensor([row % N]))])
            else:
                own = generated.read(torch.tensor([row - 2 * N]))
            assert torch.equal(image, own[0])
    assert not torch.equal(made[0][1], made[1][0])  # row 7 in two steps


@pytest.mark.parametrize("first", [True, False])
def test_all_of_a_batch_may_be_of_one_source(first: bool) -> None:
    sources: list[ImageSource] = [DatasetImages(Drawn()), plain()]
    real, generated = sources if first else reversed(sources)
    mixed = MixedSource(real, generated)
    one, two = torch.arange(real.num_rows), torch.arange(generated.num_rows)
    assert torch.equal(mixed.read(one), real.read(one))
    assert torch.equal(mixed.read(two + real.num_rows), generated.read(two))
    parts = list(mixed.portions(torch.arange(mixed.num_rows), 3))
    assert torch.equal(torch.cat(parts), mixed.read(torch.arange(mixed.num_rows)))
