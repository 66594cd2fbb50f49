"""Channels that might be colours, or frames: what is taken for granted is said."""

from dataclasses import replace
from io import StringIO

import pytest
import torch
from rich.console import Console

from experiments.pretrain.presets import pretrain_config
from experiments.pretrain.task import PretrainTask
from ssl_objectives.images.source import ArrayImages, ImageSplit
from ssl_objectives.views.augment.preset import AugmentConfig, shifted
from ssl_objectives.views.maker import TwoViews


@pytest.mark.parametrize(
    ("channels", "augment", "said"),
    [
        (12, AugmentConfig(), True),
        (12, AugmentConfig(colors=0), False),
        (12, shifted(2), False),  # asks for no colours
        (3, AugmentConfig(), False),
        (4, AugmentConfig(), False),
    ],
)
def test_twelve_channels_are_four_images_unless_somebody_says_otherwise(
    channels: int, augment: AugmentConfig, said: bool
) -> None:
    config = pretrain_config("vicreg", size="debug")
    config = replace(
        config, method=replace(config.method, views=TwoViews(augment)), batch_size=4
    )
    images = ArrayImages(torch.zeros(8, channels, 16, 16, dtype=torch.uint8), None)
    out = StringIO()
    split = ImageSplit(images, images)
    PretrainTask(
        config, split, torch.device("cpu"), Console(file=out, width=200)
    ).make()
    assert ("12 channels are taken for 4 images" in out.getvalue()) == said
    assert ("--method.views.augment.colors 0" in out.getvalue()) == said
