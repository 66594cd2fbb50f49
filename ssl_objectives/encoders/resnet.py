"""ResNets of 18, 34, 50 and 101 layers, for small images and for ImageNet's."""

from collections import OrderedDict
from dataclasses import dataclass

from torch import nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.residual import (
    BasicBlock,
    BlockKind,
    Bottleneck,
    Norm,
    Stem,
    stages,
)
from ssl_objectives.encoders.standardize import Standardize, check_channels

_DEPTHS: dict[int, tuple[BlockKind, tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
}


def resnet(
    channels: int,
    width: int = 64,
    norm: Norm = Norm.BATCH,
    depth: int = 18,
    stem: Stem = Stem.SMALL,
) -> nn.Sequential:
    """The body of a ResNet (arXiv 1512.03385, table 1): a stem and four stages.

    Args:
        channels: of images.
        width: channels behind the stem; the last stage has 8 times as many, or with
            bottlenecks (50 layers and more) 32 times.
        norm: after each convolution.
        depth: layers: 18, 34, 50 or 101.
        stem: what it begins with.
    """
    kind, counts = _DEPTHS[depth]
    layers = stem.layers(channels, width, norm)
    return nn.Sequential(
        OrderedDict([*layers.items(), *stages(kind, counts, width, norm).items()])
    )


@dataclass(frozen=True)
class ResNetConfig:
    """ResNet-18 for small images, its feature maps averaged: what SSL papers train.

    Takes images of any size. With batch norm, which is the default, keep images of one
    kind in a batch, and call `eval()` before encoding with a frozen one.
    """

    size: int = 0
    """D, size of the latent vector by a linear layer; 0: the averages alone"""
    width: int = 64
    """channels of the first stage; 16 is some ten times cheaper, for laptops"""
    norm: Norm = Norm.BATCH
    """how feature maps are normalised"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""
    depth: int = 18
    """layers: 18, 34, 50 or 101"""
    stem: Stem = Stem.SMALL
    """what it begins with"""
    mean: tuple[float, ...] = ()
    """taken from each channel first, of pixels from 0 to 1; none: nothing"""
    std: tuple[float, ...] = ()
    """what each channel is divided by then; none: nothing"""

    def __post_init__(self) -> None:
        if self.size < 0 or self.width < 1:
            raise ValueError(
                "size must be at least 0 and width at least 1, "
                f"not {self.size} and {self.width}"
            )
        if self.depth not in _DEPTHS:
            known = ", ".join(map(str, _DEPTHS))
            raise ValueError(f"depth must be one of {known}, not {self.depth}")
        check_channels(self.mean, self.std)

    def body(self, channels: int) -> nn.Module:
        """The convolutions."""
        made = resnet(channels, self.width, self.norm, self.depth, self.stem)
        if not self.mean:
            return made
        first = ("standardize", Standardize(channels, self.mean, self.std))
        return nn.Sequential(OrderedDict([first, *made.named_children()]))

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W).

        Raises:
            ValueError: `mean` and `std` are of another number of channels.
        """
        body, pool = self.body(image_shape[0]), nn.AdaptiveAvgPool2d(1)
        return Encoder(body, image_shape, self.size, self.precision, pool)
