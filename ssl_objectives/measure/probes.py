"""Linear probe (ridge) and k-NN accuracy of an encoder's features, also online.

Both are fitted on features of labelled training images and measured on test images.
Nothing is trained by gradient, so that there is nothing to tune but one number, and
that one is chosen without the test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from numpy.typing import NDArray
from torch import Tensor, nn

from ssl_objectives.evaluating import evaluating
from ssl_objectives.images.labels import label_subset, num_labels
from ssl_objectives.images.source import UNKNOWN, ImageSource, ImageSplit
from ssl_objectives.pixels import check_bytes
from ssl_objectives.refusal import TrainingDiverged

BATCH = 512  # images that are encoded at once
MOST_PIXELS = 32  # on a side, of what stands for raw pixels
STRENGTHS = tuple(10.0**x for x in range(-2, 6))  # of ridge's penalty
NEIGHBOURS = 10
ONLINE_TRAIN = 1000  # labelled images that vote in the online probe
ONLINE_TEST = 500  # test images that it names
TEMPERATURE = 0.07  # of neighbours' votes, as in Wu et al. 2018 (arXiv 1805.01978)


@dataclass(frozen=True)
class Features:
    """Rows that a probe is fitted on, and rows that it is measured on.

    Attributes:
        train: features of training images.
        train_labels: their classes, all known.
        test: features of test images.
        test_labels: their classes, all known.
    """

    train: Float32[Tensor, "N D"]
    train_labels: Int64[Tensor, "N"]
    test: Float32[Tensor, "M D"]
    test_labels: Int64[Tensor, "M"]

    def with_labels(self, amount: str, seed: int) -> "Features":
        """The same, fitted on fewer labels; see `labels.label_subset`."""
        kept = label_subset(self.train_labels, amount, seed) != UNKNOWN
        return Features(
            self.train[kept], self.train_labels[kept], self.test, self.test_labels
        )


def features(
    encoder: nn.Module,
    source: ImageSource,
    rows: Int64[Tensor, "n"],
    device: torch.device | str = "cpu",
) -> Float32[Tensor, "n D"]:
    """What an encoder makes of some images, in evaluation mode and without gradient.

    Args:
        encoder: from uint8 images `[n, C, H, W]` to rows; stays in the mode it was in.
        source: the images.
        rows: which of them.
        device: where the encoder lies.

    Returns:
        On the CPU.

    Raises:
        TrainingDiverged: the encoder gives numbers that are not finite.
    """
    with torch.no_grad(), evaluating(encoder):
        parts = [
            encoder(images.to(device)).float().cpu()
            for images in source.portions(rows, BATCH)
        ]
    made = torch.cat(parts)
    if not made.isfinite().all():
        raise TrainingDiverged(
            "The encoder gives numbers that are not finite, so that nothing can be "
            "measured on them: its training has diverged. Try a smaller learning rate."
        )
    return made


class RawPixels(nn.Module):
    """The baseline without an encoder: all pixels of an image in a row, 0 to 1.

    Images larger than 32 x 32 are averaged down to that first.
    """

    def forward(self, images: UInt8[Tensor, "n C H W"]) -> Float32[Tensor, "n D"]:
        """Pixels as they are."""
        check_bytes(images, "A probe of pixels")
        pixels = images.float() / 255
        if max(images.shape[2:]) > MOST_PIXELS:
            pixels = nn.functional.adaptive_avg_pool2d(pixels, MOST_PIXELS)
        return pixels.flatten(1)


def ridge_accuracy(rows: Features) -> float:
    """Share of test images that a linear classifier names rightly, 0 to 1.

    Least squares on labels of ±1, with a penalty on the weights; features are first
    brought to mean 0 and variance 1 over the training rows. The penalty is the one of
    `STRENGTHS` with the least error on training rows, each predicted from the others.
    """
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    only = rows.train_labels[0]
    if (rows.train_labels == only).all():  # nothing to tell apart
        return float((rows.test_labels == only).double().mean())
    model = make_pipeline(StandardScaler(), RidgeClassifierCV(STRENGTHS))
    model.fit(rows.train.double().numpy(), rows.train_labels.numpy())
    return float(model.score(rows.test.double().numpy(), rows.test_labels.numpy()))


def knn_accuracy(
    rows: Features, neighbours: int = NEIGHBOURS, temperature: float = TEMPERATURE
) -> float:
    """Share of test images that their nearest training images name rightly, 0 to 1.

    The `neighbours` rows of largest cosine s vote with weight `exp(s / temperature)`.
    """
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(
        min(neighbours, len(rows.train)),
        metric="cosine",
        algorithm="brute",
        weights=lambda distance: _votes(distance, temperature),
    )
    model.fit(rows.train.numpy(), rows.train_labels.numpy())
    return float(model.score(rows.test.numpy(), rows.test_labels.numpy()))


def label_efficiency(
    rows: Features,
    accuracy: Callable[[Features], float],
    amounts: Sequence[str] = ("1%", "10%", "100%"),
    draws: int = 3,
) -> dict[str, float]:
    """Accuracy by amount of labels, each the mean over `draws` choices of them.

    Args:
        rows: with all labels.
        accuracy: `ridge_accuracy` or `knn_accuracy`.
        amounts: how many labels, see `labels.num_labels`.
        draws: choices with seeds 0, 1, …

    Raises:
        ConfigError: an amount that is none.
    """
    result = {}
    for amount in amounts:
        known = len(rows.train)
        choices = 1 if num_labels(amount, known) == known else draws
        each = [accuracy(rows.with_labels(amount, x)) for x in range(choices)]
        result[amount] = float(np.mean(each))
    return result


@dataclass(frozen=True)
class OnlineProbe:
    """k-NN accuracy while an encoder is trained: few images, the same every time.

    Attributes:
        split: of the images.
        train_rows: labelled images that vote.
        test_rows: images that are named.
        device: where the encoder is.
    """

    split: ImageSplit
    train_rows: Int64[Tensor, "n"]
    test_rows: Int64[Tensor, "m"]
    device: torch.device

    def accuracy(self, encoder: nn.Module) -> float:
        """Share of the test images that their neighbours name rightly.

        Raises:
            TrainingDiverged: the encoder gives numbers that are not finite.
        """
        train, test = self.split.probed, self.split.test
        assert train.labels is not None
        assert test.labels is not None
        return knn_accuracy(
            Features(
                features(encoder, train, self.train_rows, self.device),
                train.labels[self.train_rows],
                features(encoder, test, self.test_rows, self.device),
                test.labels[self.test_rows],
            )
        )


def online_probe(
    split: ImageSplit, device: torch.device, seed: int
) -> OnlineProbe | None:
    """A probe of these images; None where too little is labelled."""
    generator = torch.Generator().manual_seed(seed)
    train = _labelled(split.probed, ONLINE_TRAIN, generator)
    test = _labelled(split.test, ONLINE_TEST, generator)
    if not len(train) or not len(test):
        return None
    return OnlineProbe(split, train, test, device)


def _votes(distance: NDArray[np.floating], temperature: float) -> NDArray[np.floating]:
    """Weights of neighbours; the nearest has 1, so that none overflows."""
    nearest = distance.min(axis=1, keepdims=True)
    return np.asarray(np.exp((nearest - distance) / temperature))


def _labelled(
    source: ImageSource, most: int, generator: torch.Generator
) -> Int64[Tensor, "n"]:
    if source.labels is None:
        return torch.zeros(0, dtype=torch.int64)
    known = torch.nonzero(source.labels != UNKNOWN).flatten()
    return known[torch.randperm(len(known), generator=generator)[:most]]
