"""A glance at an encoder while it is trained: k-NN accuracy on a few images."""

from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from ssl_objectives.images.source import UNKNOWN, ImageSource, ImageSplit
from ssl_objectives.measure.probes import Features, features, knn_accuracy

NUM_TRAIN = 1000  # labelled images that vote
NUM_TEST = 500  # test images that are named


@dataclass(frozen=True)
class OnlineProbe:
    """The same few images every time; fewer than a report's, so a rougher number.

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
    train = _labelled(split.probed, NUM_TRAIN, generator)
    test = _labelled(split.test, NUM_TEST, generator)
    if not len(train) or not len(test):
        return None
    return OnlineProbe(split, train, test, device)


def _labelled(
    source: ImageSource, most: int, generator: torch.Generator
) -> Int64[Tensor, "n"]:
    if source.labels is None:
        return torch.zeros(0, dtype=torch.int64)
    known = torch.nonzero(source.labels != UNKNOWN).flatten()
    return known[torch.randperm(len(known), generator=generator)[:most]]
