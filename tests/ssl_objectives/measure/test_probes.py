"""Accuracies that were measured elsewhere, and closed cases."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.images.fashion_mnist.dataset import FashionMnistConfig
from ssl_objectives.images.source import ArrayImages, ImageSplit
from ssl_objectives.measure.probes import (
    STRENGTHS,
    Features,
    RawPixels,
    features,
    knn_accuracy,
    label_efficiency,
    online_probe,
    ridge_accuracy,
)
from ssl_objectives.refusal import TrainingDiverged


@pytest.fixture(scope="module")
def pixels() -> Features:
    """All of the shipped Fashion-MNIST, as pixels."""
    split = FashionMnistConfig(subset=True).open()
    assert split.train.labels is not None
    assert split.test.labels is not None
    train = features(RawPixels(), split.train, torch.arange(2_000))
    test = features(RawPixels(), split.test, torch.arange(1_000))
    return Features(train, split.train.labels, test, split.test.labels)


def first(rows: Features, count: int) -> Features:
    return Features(
        rows.train[:count], rows.train_labels[:count], rows.test, rows.test_labels
    )


@pytest.mark.parametrize(
    ("count", "ridge", "knn"), [(500, 0.780, 0.729), (2_000, 0.803, 0.768)]
)
def test_pixels_are_as_good_as_measured_elsewhere(
    pixels: Features, count: int, ridge: float, knn: float
) -> None:
    """There on the first 2,000 test images; 1,000 have a standard error of 0.013."""
    rows = first(pixels, count)
    assert ridge_accuracy(rows) == pytest.approx(ridge, abs=0.02)
    assert knn_accuracy(rows) == pytest.approx(knn, abs=0.02)


def test_more_labels_help(pixels: Features) -> None:
    for accuracy in (ridge_accuracy, knn_accuracy):
        rows = first(pixels, 1_000)
        curve = label_efficiency(rows, accuracy, ("1%", "0.1", "100%"))
        assert list(curve) == ["1%", "0.1", "100%"]
        assert 0.3 < curve["1%"] < curve["0.1"] - 0.05 < curve["100%"] - 0.1
        assert curve["100%"] == accuracy(rows)


def test_a_curve_is_the_mean_over_draws(pixels: Features) -> None:
    each = [knn_accuracy(pixels.with_labels("40", seed)) for seed in range(3)]
    curve = label_efficiency(pixels, knn_accuracy, ["40"], draws=3)
    assert len(set(each)) > 1
    assert curve == {"40": pytest.approx(np.mean(each))}


# independent implementations


def rows_of(generator: torch.Generator, train: int, test: int, size: int) -> Features:
    """Three classes around three corners, with noise."""
    corners = torch.randn(3, size, generator=generator)
    labels = torch.arange(train + test) % 3
    noise = 1.5 * torch.randn(train + test, size, generator=generator)
    x = corners[labels] + noise
    return Features(x[:train], labels[:train], x[train:], labels[train:])


@pytest.mark.parametrize(("train", "size"), [(40, 7), (20, 33)])
def test_ridge_is_least_squares_with_the_penalty_that_leaves_one_out_best(
    generator: torch.Generator, train: int, size: int
) -> None:
    rows = rows_of(generator, train, 97, size)
    mean, std = rows.train.double().mean(0), rows.train.double().std(0, False)
    x, y = ((z.double() - mean) / std for z in (rows.train, rows.test))
    target = 2.0 * nn.functional.one_hot(rows.train_labels).double() - 1

    def predict(x: Tensor, target: Tensor, y: Tensor, strength: float) -> Tensor:
        centre = x.mean(0)
        gram = (x - centre).mT @ (x - centre) + strength * torch.eye(size).double()
        weight = torch.linalg.solve(gram, (x - centre).mT @ (target - target.mean(0)))
        guess: Tensor = (y - centre) @ weight + target.mean(0)
        return guess

    errors = {}
    for strength in STRENGTHS:
        each = []
        for i in range(train):
            others = torch.arange(train) != i
            guess = predict(x[others], target[others], x[i : i + 1], strength)
            each.append((guess - target[i]).square().mean())
        errors[strength] = torch.stack(each).mean()
    best = min(errors, key=lambda k: float(errors[k]))
    guess = predict(x, target, y, best).argmax(-1)
    expected = (guess == rows.test_labels).double().mean()
    assert 0.4 < expected < 0.999
    assert ridge_accuracy(rows) == pytest.approx(float(expected))


def test_neighbours_vote_by_cosine(generator: torch.Generator) -> None:
    rows = rows_of(generator, 40, 97, 5)
    for neighbours in (1, 6, 10):
        right = 0
        for x, label in zip(rows.test, rows.test_labels, strict=True):
            cosine = [
                (float(x @ z / (x.norm() * z.norm())), int(k))
                for z, k in zip(rows.train, rows.train_labels, strict=True)
            ]
            votes = [0.0, 0.0, 0.0]
            for s, k in sorted(cosine, reverse=True)[:neighbours]:
                votes[k] += math.exp(s / 0.07)
            right += votes.index(max(votes)) == int(label)
        assert knn_accuracy(rows, neighbours) == pytest.approx(right / 97)


def test_few_rows_and_single_classes(generator: torch.Generator) -> None:
    rows = first(rows_of(generator, 40, 97, 5), 3)  # one of each class
    assert 0 < knn_accuracy(rows) <= 1
    assert 0 < ridge_accuracy(rows) <= 1
    one = first(rows_of(generator, 40, 97, 5), 1)
    share = float((one.test_labels == 0).float().mean())
    assert ridge_accuracy(one) == knn_accuracy(one) == pytest.approx(share)


def test_a_collapsed_encoder_knows_nothing(pixels: Features) -> None:
    """Equal rows: no warning, no better than chance."""
    flat = Features(
        torch.ones(200, 8),
        pixels.train_labels[:200],
        torch.ones(1_000, 8),
        pixels.test_labels,
    )
    assert ridge_accuracy(flat) == pytest.approx(0.1)
    assert knn_accuracy(flat) == pytest.approx(0.1)


# features


class Moody(nn.Module):
    """Gives other numbers while it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        return images.flatten(1)[:, :3] * self.weight + (
            100.0 if self.training else 0.0
        )


def test_features_are_of_evaluation_and_in_order() -> None:
    images = torch.randint(256, (1_300, 1, 2, 3), dtype=torch.uint8)
    source = ArrayImages(images)
    encoder = Moody()
    chosen = torch.randperm(1_300)[:1_200]  # more than one batch
    rows = features(encoder, source, chosen)
    assert torch.equal(rows, images.flatten(1)[chosen, :3].float())
    assert encoder.training
    assert not rows.requires_grad
    features(encoder.eval(), source, chosen)
    assert not encoder.training


def test_an_encoder_that_diverged_is_not_measured() -> None:
    encoder = Moody()
    encoder.weight.data.fill_(torch.nan)
    images = ArrayImages(torch.zeros(4, 1, 2, 3, dtype=torch.uint8))
    with pytest.raises(TrainingDiverged, match=r"not finite.*learning rate"):
        features(encoder, images, torch.arange(4))


def test_the_online_probe_names_test_images() -> None:
    """The same ones under other labels are all named wrongly."""
    images = 255 * torch.eye(40).byte().view(40, 1, 5, 8)  # nothing in common
    labels = torch.arange(40) % 4
    train = ArrayImages(images, labels)
    for told, share in ((labels, 1.0), ((labels + 1) % 4, 0.0)):
        split = ImageSplit(train, ArrayImages(images, told))
        probe = online_probe(split, torch.device("cpu"), 0)
        assert probe is not None
        assert probe.accuracy(RawPixels()) == share
    unknown = ImageSplit(train, ArrayImages(images, torch.full_like(labels, -1)))
    assert online_probe(unknown, torch.device("cpu"), 0) is None


def test_raw_pixels_are_what_they_were_but_large_images_are_averaged() -> None:
    images = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).to(torch.uint8)
    assert torch.equal(RawPixels()(images) * 255, images.flatten(1).float())
    large = torch.zeros(1, 2, 64, 96, dtype=torch.uint8)
    large[0, 1, :2, :3] = 255
    rows = RawPixels()(large).view(2, 32, 32)
    assert rows[1, 0, 0] == 1
    assert rows.sum() == 1
