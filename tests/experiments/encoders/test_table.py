"""Rows of the table of encoders that bear a published network's name have its sizes."""

import pytest
import torch
from torch import nn

from experiments.encoders.table import ENCODERS
from ssl_objectives.encoders.residual import Stem
from ssl_objectives.encoders.resnet import ResNetConfig
from ssl_objectives.encoders.vit import Attention, ViTConfig


@pytest.mark.parametrize(
    ("name", "width", "heads", "millions"),
    [("vit-s", 384, 6, 22), ("vit-b", 768, 12, 86)],
)
def test_transformers_are_the_papers(
    name: str, width: int, heads: int, millions: int
) -> None:
    """Table 1 of 2010.11929 and of 2012.12877: heads of 64 numbers, 12 blocks."""
    config = ENCODERS.rows[name].build()
    assert isinstance(config, ViTConfig)
    with torch.device("meta"):
        body = config.body(3)
    attentions = [x for x in body.modules() if isinstance(x, Attention)]
    assert [x.heads for x in attentions] == [heads] * 12
    assert (config.patch, config.width) == (16, width)
    numbers = sum(x.numel() for x in body.parameters())
    assert numbers / 1e6 == pytest.approx(millions, abs=0.7)


@pytest.mark.parametrize(("name", "depth"), [("resnet18", 18), ("resnet50", 50)])
def test_resnets_are_imagenets(name: str, depth: int) -> None:
    config = ENCODERS.rows[name].build()
    assert isinstance(config, ResNetConfig)
    assert (config.depth, config.width, config.stem) == (depth, 64, Stem.IMAGENET)
    with torch.device("meta"):
        first = next(x for x in config.body(3).modules() if isinstance(x, nn.Conv2d))
    assert first.kernel_size == (7, 7)
