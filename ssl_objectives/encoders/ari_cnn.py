"""The CNN of AtariARI and ST-DIM (arXiv 1906.08226), with maps for dense objectives."""

from dataclasses import dataclass

from torch import nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision

_KERNELS = ((32, 8), (64, 4), (128, 4), (64, 3))  # filters and width of each layer


@dataclass(frozen=True)
class AriCnnConfig:
    """AtariARI's four convolutions; for whole Atari screens of 210 x 160.

    Feature maps are those of the third layer, which ST-DIM compares (11 x 8 places of
    128 numbers on a whole screen); a fourth layer and a linear one follow. Weights are
    orthogonal with the gain of a ReLU, as in the authors' code.
    """

    size: int = 256
    """D, size of the latent vector"""
    strides: tuple[int, int, int, int] = (4, 2, 2, 1)
    """of the four layers; 4, 2, 1, 1 for small images"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        if min(self.size, *self.strides) < 1:
            raise ValueError(
                f"size and strides must be at least 1, not {self.size}, {self.strides}"
            )

    def body(self, channels: int) -> nn.Module:
        """The first three convolutions."""
        return nn.Sequential(*self._layers(channels)[:6])

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        layers = self._layers(image_shape[0])
        encoder = Encoder(
            nn.Sequential(*layers[:6]),
            image_shape,
            self.size,
            self.precision,
            nn.Sequential(*layers[6:]),
        )
        encoder.any_size = False  # what stands before the head keeps height and width
        return encoder

    def _layers(self, channels: int) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for (filters, width), stride in zip(_KERNELS, self.strides, strict=True):
            conv = nn.Conv2d(channels, filters, width, stride=stride)
            nn.init.orthogonal_(conv.weight, 2**0.5)
            if conv.bias is not None:
                nn.init.zeros_(conv.bias)
            layers += [conv, nn.ReLU()]
            channels = filters
        return layers
