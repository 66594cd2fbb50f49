"""The linear probe of papers: SGD on a frozen encoder's latents of augmented images."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.evaluating import evaluating
from ssl_objectives.images.labels import label_subset
from ssl_objectives.images.source import UNKNOWN
from ssl_objectives.learn.optimizer import OptimizerConfig
from ssl_objectives.learn.pace import set_pace
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.measure.examples import Examples, Labelled
from ssl_objectives.protocols.classifier import (
    accuracy_of,
    linear_head,
    train_classifiers,
)
from ssl_objectives.refusal import ConfigError
from ssl_objectives.views.augment.preset import AugmentConfig

_SEED = 0  # of draws, and of what is held out: all encoders are asked the same


def cropped_and_flipped() -> AugmentConfig:
    """Random crops from 8 % of the area and flips: what linear probes learn from."""
    return AugmentConfig(crop=0.08, jitter=0.0, gray=0.0)


@dataclass(frozen=True)
class LinearProbeConfig:
    """A linear softmax on frozen latents, by SGD with crops and flips (1911.05722).

    Several classifiers learn at once from the same latents, each at a rate of its own;
    the one that names most of a held-out part of the training images rightly counts.
    The test has no say in it.

    Deviations from the usual protocol on ImageNet: test images are seen whole, since
    they have one size already; papers choose the rate on the test images, or keep to
    one.
    """

    optimizer: OptimizerConfig = field(
        default_factory=lambda: SgdConfig(1.0, weight_decay=0.0, warm_up=0.0)
    )
    """what trains; its rate is for 256 images in a batch"""
    rates: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)
    """shares of that rate, a classifier for each (MoCo has 30 alone)"""
    held_out: float = 0.1
    """share of the training images that decides between them"""
    augment: AugmentConfig = field(default_factory=cropped_and_flipped)
    """how training images are changed"""
    epochs: int = 100
    """passes over the training images"""
    batch_size: int = 256
    """images in a batch"""

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs)
        check_count("batch_size", self.batch_size)
        if not self.rates or not all(0 < x < math.inf for x in self.rates):
            raise ConfigError(f"rates must be some numbers above 0, not {self.rates}")
        if not 0 < self.held_out < 1:
            raise ConfigError(
                f"held_out must be above 0 and below 1, not {self.held_out}"
            )

    def accuracies(self, encoder: nn.Module, examples: Examples) -> dict[str, float]:
        """`linear`."""
        with evaluating(encoder):
            return {"linear": self._accuracy(_frozen(encoder), examples)}

    def _accuracy(self, embed: Callable[[Tensor], Tensor], examples: Examples) -> float:
        device, train = examples.device, examples.train
        kept, judged = self._split(train)
        with torch.no_grad():
            some = embed(train.source.read(train.rows[:2]).to(device))
        heads = nn.ModuleList()
        for rate in self.rates:
            head = linear_head(some.shape[-1], examples.num_classes, _SEED)
            set_pace(head, rate)
            heads.append(head)
        heads.to(device)
        each: list[Any] = list(heads)
        train_classifiers(
            embed,
            each,
            heads,
            kept,
            self.augment.chain(train.source.image_shape),
            self.optimizer,
            epochs=self.epochs,
            least_steps=0,
            batch_size=self.batch_size,
            device=device,
            seed=_SEED,
        )
        best = each[0]
        if judged is not None:
            best = max(each, key=lambda x: accuracy_of(embed, x, judged, device))
        return accuracy_of(embed, best, examples.test, device)

    def _split(self, train: Labelled) -> tuple[Labelled, Labelled | None]:
        """What classifiers learn from, and what decides between them; none of one."""
        if len(self.rates) == 1 or len(train.rows) < 2:
            return train, None
        held = label_subset(train.labels, self.held_out, _SEED) != UNKNOWN
        if held.all():  # as few as there are classes
            return train, train
        learnt, judged = (
            Labelled(train.source, train.rows[x], train.labels[x])
            for x in (~held, held)
        )
        return learnt, judged


def _frozen(encoder: nn.Module) -> Callable[[Tensor], Tensor]:
    def embed(images: Tensor) -> Tensor:
        with torch.no_grad():
            rows: Tensor = encoder(images).float()
        return rows

    return embed
