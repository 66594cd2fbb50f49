"""Standardised channels: what networks trained elsewhere are used to see.

The numbers are part of an encoder's config, and not of its weights: state dicts of
other libraries, which standardise in front of the network, have no such entries.
"""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""of red, green and blue: what torchvision's and timm's weights expect"""
IMAGENET_STD = (0.229, 0.224, 0.225)
"""likewise"""


@final
class Standardize(nn.Module):
    """`(x - mean) / std`, channel by channel.

    Args:
        channels: of images.
        mean: one number for each channel, of pixels from 0 to 1.
        std: likewise.

    Raises:
        ValueError: they are of another number of channels.
    """

    def __init__(
        self, channels: int, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        if len(mean) != channels:
            raise ValueError(
                f"mean and std are of {len(mean)} channels, and images have "
                f"{channels}: give a number for each, or none of both"
            )
        for name, x in (("mean", mean), ("std", std)):
            made = torch.tensor(x).view(-1, 1, 1)
            self.register_buffer(name, made, persistent=False)
        self.mean: Tensor
        self.std: Tensor

    def forward(self, images: Float[Tensor, "N C H W"]) -> Float[Tensor, "N C H W"]:
        """In the number format that they come in."""
        return ((images - self.mean) / self.std).to(images.dtype)


def check_channels(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Refuse means and deviations that do not belong together.

    Raises:
        ValueError: not as many of one as of the other, or no positive deviations.
    """
    if len(mean) != len(std):
        raise ValueError(
            f"mean has {len(mean)} numbers and std {len(std)}: give one of each for "
            "each channel, or none of both"
        )
    if not all(math.isfinite(x) for x in mean) or not all(0 < x < 1e9 for x in std):
        raise ValueError(f"mean must be finite and std above 0, not {mean} and {std}")
