"""What a run's config says of its training reaches the trainer."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from rich.console import Console

from experiments.pretrain import task
from experiments.pretrain.presets import pretrain_config
from experiments.pretrain.task import PretrainTask
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.images.labels import label_subset
from ssl_objectives.images.orders import Shuffled
from ssl_objectives.images.source import ArrayImages, ImageSplit
from ssl_objectives.learn.sgd import SgdConfig


class Called(Exception):
    """Instead of a trainer."""


def called(*given: Any, **named: Any) -> None:
    raise Called(given, named)


@pytest.mark.parametrize(("rate_per", "factor"), [(0, 1.0), (256, 0.03125)])
def test_the_trainer_is_told_what_the_config_says(
    rate_per: int, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "Pretrainer", called)
    images = ArrayImages(
        torch.zeros(40, 1, 28, 28, dtype=torch.uint8), torch.arange(40) % 4
    )
    config = replace(
        pretrain_config("byol", size="debug"),
        optimizer=SgdConfig(0.5),
        rate_per=rate_per,
        batch_size=8,
        labels="12",
        steps=7,
        seed=5,
        autocast=Precision.BFLOAT16,
        compile=True,
    )
    made = PretrainTask(
        config, ImageSplit(images, images), torch.device("cpu"), Console(quiet=True)
    )
    with pytest.raises(Called) as told:
        made.make()
    (method, encoder, shown, labels, order, optimizer), named = told.value.args
    assert (method, encoder) == (config.method, config.encoder)
    assert (shown, optimizer) == (images, config.optimizer)
    assert images.labels is not None
    assert torch.equal(labels, label_subset(images.labels, "12", 5))
    assert torch.equal(order.rows(9), Shuffled(40, 8, 5).rows(9))
    assert named == {
        "steps": 7,
        "device": torch.device("cpu"),
        "seed": 5,
        "rate_factor": factor,
        "autocast": Precision.BFLOAT16,
        "compiled": True,
    }
