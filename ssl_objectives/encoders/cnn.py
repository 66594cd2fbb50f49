"""Convolutional encoders: patches, the Nature CNN (DQN), the IMPALA ResNet."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from ssl_objectives.encoders.encoder import (
    Encoder,
)
from ssl_objectives.encoders.precision import Precision


def nature_cnn(channels: int) -> nn.Sequential:
    """Three convolutions of the Nature DQN (Mnih et al. 2015); needs 36x36 pixels."""
    body = nn.Sequential(
        nn.Conv2d(channels, 32, 8, stride=4),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, stride=2),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, stride=1),
        nn.ReLU(),
    )
    return _orthogonal(body)


def _orthogonal(body: nn.Sequential) -> nn.Sequential:
    """Orthogonal weights with the gain of a ReLU, and no biases."""
    for layer in body:
        if isinstance(layer, nn.Conv2d):
            _orthogonal_conv(layer, 2**0.5)
    return body


def _orthogonal_conv(layer: nn.Conv2d, gain: float) -> nn.Conv2d:
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions on a skip connection, ReLU before each.

    The second starts at zero, so that a block begins as the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _orthogonal_conv(
            nn.Conv2d(channels, channels, 3, padding=1), 2**0.5
        )
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        assert self.second.bias is not None
        nn.init.zeros_(self.second.bias)

    def forward(self, maps: Float[Tensor, "N F h w"]) -> Float[Tensor, "N F h w"]:
        """Add the block's correction to its input."""
        inner = self.second(torch.relu(self.first(torch.relu(maps))))
        total: Tensor = maps + inner.to(maps.dtype)
        return total


def impala_resnet(channels: int, widths: Sequence[int] = (16, 32, 32)) -> nn.Sequential:
    """Residual body of IMPALA (arXiv 1802.01561); each stage halves the image."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [
            # no ReLU before it, hence no gain to make up for one
            _orthogonal_conv(nn.Conv2d(channels, width, 3, padding=1), 1.0),
            nn.MaxPool2d(3, stride=2, padding=1),
            ResidualBlock(width),
            ResidualBlock(width),
        ]
        channels = width
    return nn.Sequential(*layers, nn.ReLU())


def patches(channels: int, patch: int, width: int, depth: int = 2) -> nn.Sequential:
    """Each `patch` x `patch` square on its own, then 3x3 of them, every second.

    Each of the `depth - 1` layers after the first doubles the width.
    """
    layers = [nn.Conv2d(channels, width, patch, stride=patch), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU()]
        width *= 2
    return _orthogonal(nn.Sequential(*layers))


@dataclass(frozen=True)
class NatureConfig:
    """The three-layer CNN of the Nature DQN; for images from 36 x 36 on."""

    size: int = 512
    """D, size of the latent vector"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        _at_least_one(self, "size")

    def body(self, channels: int) -> nn.Module:
        """The convolutions."""
        return nature_cnn(channels)

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        body = self.body(image_shape[0])
        return Encoder(body, image_shape, self.size, self.precision)


@dataclass(frozen=True)
class ImpalaConfig:
    """The residual network of IMPALA: slower, and stronger, than the Nature CNN."""

    size: int = 512
    """D, size of the latent vector"""
    widths: tuple[int, ...] = (16, 32, 32)
    """channels of each stage; every stage halves the image"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        _at_least_one(self, "size")
        if not self.widths or min(self.widths) < 1:
            raise ValueError(f"widths must be one or more numbers >= 1: {self.widths}")

    def body(self, channels: int) -> nn.Module:
        """The convolutions."""
        return impala_resnet(channels, self.widths)

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        body = self.body(image_shape[0])
        return Encoder(body, image_shape, self.size, self.precision)


@dataclass(frozen=True)
class PatchConfig:
    """A few layers over square patches: several times cheaper, for worlds of tiles."""

    size: int = 128
    """D, size of the latent vector"""
    patch: int = 5
    """pixels per side of a patch: that of the world's tiles"""
    width: int = 16
    """features of each patch"""
    depth: int = 2
    """layers; 1 looks at each patch on its own"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        _at_least_one(self, "size", "patch", "width")
        check_count("depth", self.depth)

    def body(self, channels: int) -> nn.Module:
        """The convolution."""
        return patches(channels, self.patch, self.width, self.depth)

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        body = self.body(image_shape[0])
        return Encoder(body, image_shape, self.size, self.precision)


def _at_least_one(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
