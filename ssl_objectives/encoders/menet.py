"""MeNet: a small CNN that keeps places, for frames of some 30 pixels."""

from dataclasses import dataclass

from torch import nn

from ssl_objectives.encoders.batch_norm import BatchNorm1d, BatchNorm2d
from ssl_objectives.encoders.encoder import Encoder, num_outputs
from ssl_objectives.encoders.precision import Precision


@dataclass(frozen=True)
class MeNetConfig:
    """Three convolutions and an MLP with batch norms, for frames of some 30 pixels."""

    size: int = 64
    """D, size of the latent vector"""
    widths: tuple[int, ...] = (8, 16, 32)
    """channels of each layer"""
    hidden: int = 128
    """units of the hidden layer"""
    precision: Precision = Precision.AUTO
    """what the encoder (and nothing else) computes in"""

    def __post_init__(self) -> None:
        if min(self.size, self.hidden, *self.widths, len(self.widths)) < 1:
            raise ValueError(
                "MeNet's size, hidden and widths must be at least 1, and there must be "
                f"a layer; here are size {self.size}, hidden {self.hidden} and widths "
                f"{self.widths}"
            )

    def body(self, channels: int) -> nn.Module:
        """The convolutions."""
        layers: list[nn.Module] = [BatchNorm2d(channels, affine=False)]
        for i, width in enumerate(self.widths):
            kernel = 5 if i == 0 else 3
            stride = 1 if i == len(self.widths) - 1 else 2
            layers += [nn.Conv2d(channels, width, kernel, stride, kernel // 2)]
            layers += [nn.ReLU(), BatchNorm2d(width)]
            channels = width
        return nn.Sequential(*layers)

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """Build the encoder for images of shape (C, H, W)."""
        body = self.body(image_shape[0])
        encoder = Encoder(body, image_shape, self.size, self.precision)
        encoder.head = nn.Sequential(
            nn.Linear(num_outputs(body, image_shape), self.hidden),
            nn.ReLU(),
            BatchNorm1d(self.hidden),
            nn.Linear(self.hidden, self.size),
        )
        return encoder
