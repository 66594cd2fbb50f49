"""What classifiers learn from, at which rate: watched, image by image."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.images.labels import label_subset
from ssl_objectives.images.source import ArrayImages
from ssl_objectives.learn.schedule import Level
from ssl_objectives.learn.sgd import SgdConfig
from ssl_objectives.measure.examples import Examples, Labelled
from ssl_objectives.measure.probes import RawPixels
from ssl_objectives.protocols.classifier import linear_head, train_classifiers
from ssl_objectives.protocols.fine_tuning import FineTuningConfig
from ssl_objectives.protocols.linear_probe import LinearProbeConfig
from ssl_objectives.views.augment.preset import unchanged

CPU = torch.device("cpu")
N, CLASSES = 48, 3


class Watched(ArrayImages):
    """Notes which rows are read."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        super().__init__(images, labels)
        self.reads: list[list[int]] = []

    def read(self, rows: Tensor) -> Tensor:
        self.reads.append(rows.tolist())
        return super().read(rows)


def labelled(generator: torch.Generator, count: int = N) -> tuple[Watched, Labelled]:
    images = torch.randint(256, (count, 1, 2, 3), generator=generator).byte()
    labels = torch.arange(count) % CLASSES
    source = Watched(images, labels)
    return source, Labelled(source, torch.arange(count), labels)


def rows_of(labels: Tensor) -> set[int]:
    return set(torch.nonzero(labels >= 0).flatten().tolist())


@pytest.mark.parametrize("asked", [12, 512])
def test_the_rate_is_of_the_batch_that_there_is(
    asked: int, generator: torch.Generator
) -> None:
    """Twelve images fill no batch of 512: the rate is that of 12."""
    _, images = labelled(generator, 12)
    head = linear_head(6, CLASSES, 0)
    before = head.weight.detach().clone()
    pixels = RawPixels()(images.source.read(images.rows))
    wanted = nn.functional.one_hot(images.labels, CLASSES).float()
    error = head(pixels).softmax(1) - wanted
    slope = error.T @ pixels / 12
    config = SgdConfig(5.0, 0.0, 0.0, warm_up=0.0, fall=Level())
    train_classifiers(
        RawPixels(),
        [head],
        head,
        images,
        unchanged().chain((1, 2, 3)),
        config,
        epochs=1,
        least_steps=0,
        batch_size=asked,
        device=CPU,
        seed=0,
    )
    torch.testing.assert_close(head.weight, before - 5.0 * 12 / 256 * slope)


def test_nothing_is_learnt_from_what_decides_between_rates(
    generator: torch.Generator,
) -> None:
    source, train = labelled(generator)
    _, test = labelled(generator, 6)
    config = LinearProbeConfig(
        rates=(0.1, 1.0),
        held_out=0.25,
        augment=unchanged(),
        epochs=2,
        batch_size=9,
    )
    config.accuracies(RawPixels(), Examples(train, test, CPU))
    held = rows_of(label_subset(train.labels, 0.25, 0))
    learnt = [row for rows in source.reads if len(rows) == 9 for row in rows]
    assert sorted(learnt) == sorted(2 * [x for x in range(N) if x not in held])
    assert [set(x) for x in source.reads[-2:]] == [held] * 2  # each classifier's


def test_each_draw_has_labels_of_its_own(generator: torch.Generator) -> None:
    source, train = labelled(generator)
    _, test = labelled(generator, 6)
    encoder = nn.Sequential(RawPixels(), nn.Linear(6, 2))
    config = FineTuningConfig(("9",), (1,), 1, augment=unchanged(), draws=3)
    config.accuracies(encoder, Examples(train, test, CPU))
    found = [set(x) for x in source.reads if len(x) == 9]
    assert found == [rows_of(label_subset(train.labels, "9", x)) for x in range(3)]
    assert len({frozenset(x) for x in found}) == 3
