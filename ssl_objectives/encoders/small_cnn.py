"""A small CNN with batch norm and average pooling, for small images on CPUs."""

from dataclasses import dataclass

from torch import nn

from ssl_objectives.encoders.batch_norm import BatchNorm2d
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision


def small_cnn(channels: int, widths: tuple[int, ...]) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU per width; all but the last halve the image."""
    layers: list[nn.Module] = []
    for i, width in enumerate(widths):
        stride = 1 if i == len(widths) - 1 else 2
        conv = nn.Conv2d(channels, width, 3, stride=stride, padding=1)
        layers += [conv, BatchNorm2d(width), nn.ReLU(inplace=True)]
        channels = width
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class SmallCnnConfig:
    """Convolutions with batch norm, averaged: seconds where a ResNet takes minutes.

    Takes images of any size.
    """

    size: int = 0
    """D, size of the latent vector by a linear layer; 0: the averages alone"""
    widths: tuple[int, ...] = (24, 48, 96)
    """channels of each layer; all but the last halve the image"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        if self.size < 0 or not self.widths or min(self.widths) < 1:
            raise ValueError(
                "size must be at least 0 and widths one or more numbers from 1 on, "
                f"not {self.size} and {self.widths}"
            )

    def body(self, channels: int) -> nn.Module:
        """The convolutions."""
        return small_cnn(channels, self.widths)

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        body, pool = self.body(image_shape[0]), nn.AdaptiveAvgPool2d(1)
        encoder = Encoder(body, image_shape, self.size, self.precision, pool)
        if isinstance(encoder.head, nn.Linear):
            # with an orthogonal start it learns less in the same time (docs/logbook.md)
            encoder.head.reset_parameters()
        return encoder
