"""Blocks of residual networks (arXiv 1512.03385), and what surrounds them.

Names of layers are torchvision's, so that a state dict of one side is one of the other
(`torchvision_keys.py`).
"""

from collections import OrderedDict
from enum import Enum
from math import gcd

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.encoders.batch_norm import BatchNorm2d


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
    """Two 3x3 convolutions beside a skip connection (figure 5, left).

    Args:
        inputs: channels that come in.
        width: channels inside; as many go out.
        stride: of the first convolution, and of the skip connection.
        norm: after each convolution.
    """

    grows = 1  # channels that go out, per channel inside

    def __init__(self, inputs: int, width: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = conv(inputs, width, 3, stride)
        self.bn1 = norm.layer(width)
        self.conv2 = conv(width, width, 3, 1)
        self.bn2 = norm.layer(width)
        self.downsample = _skip(inputs, width, stride, norm)

    def forward(self, maps: Float[Tensor, "N F h w"]) -> Float[Tensor, "N ..."]:
        """Add, then ReLU."""
        inner = torch.relu_(self.bn1(self.conv1(maps)))
        total: Tensor = self.bn2(self.conv2(inner)) + self.downsample(maps)
        return torch.relu_(total)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a skip connection (figure 5, right).

    The 3x3 convolution has the stride, as in torchvision (ResNet "v1.5"); in the paper
    the first 1x1 has it.

    Args:
        inputs: channels that come in.
        width: channels of the 3x3 convolution; four times as many go out.
        stride: of the 3x3 convolution, and of the skip connection.
        norm: after each convolution.
    """

    grows = 4

    def __init__(self, inputs: int, width: int, stride: int, norm: Norm) -> None:
        super().__init__()
        outputs = self.grows * width
        self.conv1 = conv(inputs, width, 1, 1)
        self.bn1 = norm.layer(width)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = norm.layer(width)
        self.conv3 = conv(width, outputs, 1, 1)
        self.bn3 = norm.layer(outputs)
        self.downsample = _skip(inputs, outputs, stride, norm)

    def forward(self, maps: Float[Tensor, "N F h w"]) -> Float[Tensor, "N ..."]:
        """Add, then ReLU."""
        inner = torch.relu_(self.bn1(self.conv1(maps)))
        inner = torch.relu_(self.bn2(self.conv2(inner)))
        total: Tensor = self.bn3(self.conv3(inner)) + self.downsample(maps)
        return torch.relu_(total)


BlockKind = type[BasicBlock] | type[Bottleneck]
"""A class of blocks: takes channels, and gives `grows` times as many as are inside."""


class Stem(Enum):
    """What a ResNet begins with."""

    SMALL = "small"
    """a 3x3 convolution at full size: for images of some 30 to 100 pixels (CIFAR)"""
    IMAGENET = "imagenet"
    """a 7x7 convolution and a maximum, which leave a quarter of each side"""

    def layers(
        self, channels: int, width: int, norm: Norm
    ) -> "OrderedDict[str, nn.Module]":
        """Its layers by name."""
        small = self is Stem.SMALL
        first = conv(channels, width, 3, 1) if small else conv(channels, width, 7, 2)
        made: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=first, bn1=norm.layer(width), relu=nn.ReLU(inplace=True)
        )
        if not small:
            made["maxpool"] = nn.MaxPool2d(3, stride=2, padding=1)
        return made


def stages(
    kind: BlockKind, counts: tuple[int, int, int, int], width: int, norm: Norm
) -> "OrderedDict[str, nn.Module]":
    """Four stages by name: each but the first doubles channels and halves the image.

    Args:
        kind: of the blocks.
        counts: blocks of each stage.
        width: channels inside the first stage, and of the maps that come in.
        norm: after each convolution.
    """
    made: OrderedDict[str, nn.Module] = OrderedDict()
    inputs = width
    for i, count in enumerate(counts):
        inside = width * 2**i
        blocks = []
        for j in range(count):
            stride = 2 if i and not j else 1
            blocks.append(kind(inputs, inside, stride, norm))
            inputs = kind.grows * inside
        made[f"layer{i + 1}"] = nn.Sequential(*blocks)
    return made


def conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    """Keeps the size up to its stride; variances as ReLU needs them (1502.01852)."""
    padding = kernel // 2
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def _skip(inputs: int, outputs: int, stride: int, norm: Norm) -> nn.Module:
    """What came in, in the shape of what goes out."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    return nn.Sequential(conv(inputs, outputs, 1, stride), norm.layer(outputs))
