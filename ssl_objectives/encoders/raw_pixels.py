"""No encoder: the pixels themselves, as a control."""

from dataclasses import dataclass

from torch import nn

from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision


@dataclass(frozen=True)
class PixelsConfig:
    """The pixels themselves, without any encoder: a control."""

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        """One whose latent is all numbers of an image of shape (C, H, W)."""
        return Encoder(nn.Identity(), image_shape, 0, Precision.FLOAT32)
