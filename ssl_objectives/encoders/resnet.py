"""ResNet-18 for small images."""

from dataclasses import dataclass
from enum import Enum
from math import gcd

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.encoders.batch_norm import BatchNorm2d
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision


class Norm(Enum):
    """How a ResNet normalises its feature maps."""

    BATCH = "batch"
    """over the batch and all places: as published; images see each other in training"""
    GROUP = "group"
    """over places and groups of channels of one image: images do not see each other"""

    def layer(self, channels: int) -> nn.Module:
        """A norm for so many channels."""
        if self is Norm.GROUP:
            return nn.GroupNorm(gcd(channels, 8), channels)
        return BatchNorm2d(channels)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a skip connection (arXiv 1512.03385, figure 2).

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        stride: of the first convolution, and of the skip connection.
        norm: after each convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            _conv(inputs, outputs, 3, stride),
            norm.layer(outputs),
            nn.ReLU(inplace=True),
            _conv(outputs, outputs, 3, 1),
            norm.layer(outputs),
        )
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.skip = nn.Sequential(
                _conv(inputs, outputs, 1, stride), norm.layer(outputs)
            )

    def forward(self, maps: Float[Tensor, "N F h w"]) -> Float[Tensor, "N ..."]:
        """Add, then ReLU."""
        total: Tensor = self.inner(maps) + self.skip(maps)
        return torch.relu_(total)


def resnet18(channels: int, width: int = 64, norm: Norm = Norm.BATCH) -> nn.Sequential:
    """The body of ResNet-18 as used on CIFAR: a 3x3 stem, no pooling after it.

    Four stages of two blocks with `width`, 2, 4 and 8 times `width` channels; each but
    the first halves the image.
    """
    layers = [_conv(channels, width, 3, 1), norm.layer(width), nn.ReLU(inplace=True)]
    for stage in range(4):
        outputs = width * 2**stage
        inputs = width if stage == 0 else outputs // 2
        layers.append(BasicBlock(inputs, outputs, 1 if stage == 0 else 2, norm))
        layers.append(BasicBlock(outputs, outputs, 1, norm))
    return nn.Sequential(*layers)


@dataclass(frozen=True)
class ResNetConfig:
    """ResNet-18 for small images, its feature maps averaged: what SSL papers train.

    Takes images of any size. With batch norm, which is the default, keep images of one
    kind in a batch, and call `eval()` before encoding with a frozen one.
    """

    size: int = 0
    """D, size of the latent vector by a linear layer; 0: the 8 width averages alone"""
    width: int = 64
    """channels of the first stage; 16 is some ten times cheaper, for laptops"""
    norm: Norm = Norm.BATCH
    """how feature maps are normalised"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        if self.size < 0 or self.width < 1:
            raise ValueError(
                "size must be at least 0 and width at least 1, "
                f"not {self.size} and {self.width}"
            )

    def body(self, channels: int) -> nn.Module:
        """The convolutions."""
        return resnet18(channels, self.width, self.norm)

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        body, pool = self.body(image_shape[0]), nn.AdaptiveAvgPool2d(1)
        return Encoder(body, image_shape, self.size, self.precision, pool)


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    """Keeps the size up to its stride; variances as ReLU needs them (1502.01852)."""
    padding = kernel // 2
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
