"""Fine-tuning with few labels: the whole encoder learns, from 1 % and from 10 %."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.images.labels import num_labels
from ssl_objectives.learn.optimizer import OptimizerConfig
from ssl_objectives.learn.pace import set_pace
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.measure.examples import Examples, Labelled
from ssl_objectives.protocols.classifier import (
    accuracy_of,
    linear_head,
    train_classifiers,
)
from ssl_objectives.protocols.linear_probe import cropped_and_flipped
from ssl_objectives.refusal import ConfigError
from ssl_objectives.views.augment.preset import AugmentConfig

_SEED = 0  # of heads, draws and choices of labels: all encoders are asked the same


@dataclass(frozen=True)
class FineTuningConfig:
    """All weights learn, from 1 % and from 10 % of the labels (2002.05709, B.5).

    A copy of the encoder and a linear softmax on it. SimCLR's crops, flips, momentum
    and epochs; without its Nesterov momentum, and with labels balanced over classes and
    chosen by a seed, not by ImageNet's published lists. Where epochs of few images are
    few steps, there are more of them (`least_steps`).
    """

    amounts: tuple[str, ...] = ("1%", "10%")
    """how many labels, see `labels.num_labels`; an accuracy for each"""
    epochs: tuple[int, ...] = (60, 30)
    """passes over the labelled images, for each amount"""
    least_steps: int = 300
    """gradient steps at least: 1 % of ImageNet are thousands of images, of small data
    sets a handful, which make one batch"""
    encoder_rate: float = 1.0
    """share of the rate that the encoder learns at"""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: SgdConfig(0.05, weight_decay=0.0, warm_up=0.0)
    )
    """what trains; its rate is for 256 images in a batch"""
    augment: AugmentConfig = field(default_factory=cropped_and_flipped)
    """how training images are changed"""
    batch_size: int = 256
    """images in a batch; all of them where there are fewer"""
    draws: int = 1
    """choices of each amount, of which the mean is taken"""

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        check_count("draws", self.draws)
        check_count("least_steps", self.least_steps)
        for epochs in self.epochs:
            check_count("epochs", epochs)
        if len(self.epochs) != len(self.amounts):
            raise ConfigError(
                f"There are {len(self.amounts)} amounts of labels and "
                f"{len(self.epochs)} numbers of epochs: give one for each amount."
            )
        for amount in self.amounts:
            num_labels(amount, 1_000_000_000)
        if not 0 < self.encoder_rate < math.inf:
            raise ConfigError(
                f"encoder_rate must be above 0 and finite, not {self.encoder_rate}"
            )

    def accuracies(self, encoder: nn.Module, examples: Examples) -> dict[str, float]:
        """`fine-tuned@1%`, `fine-tuned@10%`; nothing of what has no weights."""
        if not any(x.is_floating_point() for x in encoder.parameters()):
            return {}
        found = {}
        for amount, epochs in zip(self.amounts, self.epochs, strict=True):
            each = [
                self._accuracy(
                    encoder, examples, examples.train.of_amount(amount, draw), epochs
                )
                for draw in range(self.draws)
            ]
            found[f"fine-tuned@{amount}"] = sum(each) / len(each)
        return found

    def _accuracy(
        self, encoder: nn.Module, examples: Examples, few: Labelled, epochs: int
    ) -> float:
        device, tuned = examples.device, copy.deepcopy(encoder)
        getattr(tuned, "unfreeze", tuned.train)()
        tuned.requires_grad_(True)
        set_pace(tuned, self.encoder_rate)
        with torch.no_grad():  # in evaluation mode: nothing is written
            some = tuned.eval()(few.source.read(few.rows[:1]).to(device))
        head = linear_head(some.shape[-1], examples.num_classes, _SEED).to(device)
        embed = _floats(tuned.train())
        train_classifiers(
            embed,
            [head],
            nn.ModuleList([tuned, head]),
            few,
            self.augment.chain(few.source.image_shape),
            self.optimizer,
            epochs=epochs,
            least_steps=self.least_steps,
            batch_size=self.batch_size,
            device=device,
            seed=_SEED,
        )
        tuned.eval()
        return accuracy_of(embed, head, examples.test, device)


def _floats(encoder: nn.Module) -> Callable[[Tensor], Tensor]:
    def embed(images: Tensor) -> Tensor:
        rows: Tensor = encoder(images).float()
        return rows

    return embed
