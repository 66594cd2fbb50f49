"""What a protocol is given: labelled images to fit on, and others to measure on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from ssl_objectives.images.labels import label_subset
from ssl_objectives.images.source import UNKNOWN, ImageSource
from ssl_objectives.measure.probes import Features, features


@dataclass(frozen=True)
class Labelled:
    """Images whose classes are known.

    Attributes:
        source: where they are read from.
        rows: which of them.
        labels: their classes.
    """

    source: ImageSource
    rows: Int64[Tensor, "n"]
    labels: Int64[Tensor, "n"]

    def of_amount(self, amount: str, seed: int) -> "Labelled":
        """Some of them, classes equally often; see `labels.label_subset`."""
        kept = label_subset(self.labels, amount, seed) != UNKNOWN
        return replace(self, rows=self.rows[kept], labels=self.labels[kept])


@dataclass(frozen=True)
class Examples:
    """Labelled images of two splits.

    Attributes:
        train: what is fitted on.
        test: what is measured on.
        device: where encoders lie.
    """

    train: Labelled
    test: Labelled
    device: torch.device

    @property
    def num_classes(self) -> int:
        """Classes, counted up to the largest number of either split."""
        return 1 + int(torch.cat([self.train.labels, self.test.labels]).max())

    def features(self, encoder: nn.Module) -> Features:
        """What an encoder makes of both, without augmentation."""
        made = [
            features(encoder, x.source, x.rows, self.device)
            for x in (self.train, self.test)
        ]
        return Features(made[0], self.train.labels, made[1], self.test.labels)


@runtime_checkable
class ProtocolConfig(Protocol):
    """Describes a protocol: a dataclass whose fields are its settings."""

    def accuracies(self, encoder: nn.Module, examples: Examples) -> Mapping[str, float]:
        """Shares of test images that are named rightly, 0 to 1, by a name for each.

        The encoder is left as it is, in its weights, statistics and mode. None where
        this protocol says nothing of such an encoder.
        """
