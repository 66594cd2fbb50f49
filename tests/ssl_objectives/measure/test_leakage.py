"""Leakage: planted copies are found, and nothing else."""

import torch
from torch import Tensor

from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.source import ArrayImages, ImageSplit
from ssl_objectives.measure.leakage import leakage


def noise(generator: torch.Generator, count: int) -> Tensor:
    return torch.randint(256, (count, 3, 20, 24), generator=generator).byte()


def test_copies_are_found_and_named(generator: torch.Generator) -> None:
    train, test = noise(generator, 700), noise(generator, 30)
    test[4] = train[650]
    test[9] = train[3]
    test[20] = train[77] ^ 1  # the last bit of each number
    test[21] = (train[78].float() * 0.5 + 40).byte()  # another brightness
    found = leakage(ImageSplit(ArrayImages(train), ArrayImages(test)))
    assert (found.looked_at, found.same, found.near) == (30, 2, 4)
    assert found.pairs.tolist() == [[4, 650], [9, 3], [20, 77], [21, 78]]
    told = found.told()
    assert told is not None
    assert "4 of 30 test images (13.3%)" in told
    assert "2 bit for bit" in told


def test_unlike_images_and_blank_ones_are_none(generator: torch.Generator) -> None:
    train, test = noise(generator, 50), noise(generator, 40)
    train[0], test[0] = 10, 90  # of one colour each: alike in nothing
    found = leakage(ImageSplit(ArrayImages(train), ArrayImages(test)))
    assert (found.near, found.told()) == (0, None)
    test[1] = 10  # black like one of the others, bit for bit
    found = leakage(ImageSplit(ArrayImages(train), ArrayImages(test)))
    assert found.pairs.tolist() == [[1, 0]]


def test_what_probes_are_fitted_on_is_looked_at_too(generator: torch.Generator) -> None:
    train, fit, test = (noise(generator, 20) for _ in range(3))
    test[7] = fit[2]
    split = ImageSplit(ArrayImages(train), ArrayImages(test), ArrayImages(fit))
    assert leakage(split).pairs.tolist() == [[7, 2]]
    assert leakage(split, most=7).near == 0


def test_the_shipped_images_are_apart() -> None:
    found = leakage(FashionMnistConfig(subset=True).open())
    assert (found.looked_at, found.same) == (1_000, 0)
    assert found.near < 10
