"""Dots: how bright they are, where they may be, and how several are moved at once."""

from math import pi

import torch
from jaxtyping import Float32
from torch import Tensor

PIXELS = 28
"""rows and columns of a frame"""
SIGMA = 1.3
"""std of a dot's brightness, in pixels"""
PEAK = 1 / (2 * pi * SIGMA**2)
"""brightness of a dot's centre: 0.0942 per square pixel"""
LEAST, MOST = 2 * SIGMA, PIXELS - 1 - 2 * SIGMA
"""the walls: 2.6 and 24.4 pixels in both directions, counted between pixel centres"""
REACH = 4.0
"""pixels that a dot moves in one step, at most in each direction"""


def density(place: Float32[Tensor, "*batch 2"]) -> Float32[Tensor, "*batch 28 28"]:
    """What a dot adds to each pixel: a normal density, `PEAK` at its centre.

    `e^(-((x - i)² + (y - j)²) / 2σ²) / 2πσ²` at row j and column i, as in arXiv
    2211.10831.

    Args:
        place: (x, y) in pixels, 0 at the centre of the first column or row.
    """
    pixel = torch.arange(PIXELS, device=place.device)
    x, y = torch.exp(-((place.unsqueeze(-1) - pixel) ** 2) / (2 * SIGMA**2)).unbind(-2)
    return PEAK * y.unsqueeze(-1) * x.unsqueeze(-2)


def anywhere(
    shape: tuple[int, ...], generator: torch.Generator
) -> Float32[Tensor, "*shape 2"]:
    """Places in pixels, uniform between the walls, on the generator's device."""
    share = torch.rand(*shape, 2, generator=generator, device=generator.device)
    return LEAST + (MOST - LEAST) * share


def moved(
    place: Float32[Tensor, "*batch 2"], by: Float32[Tensor, "*batch 2"]
) -> Float32[Tensor, "*batch 2"]:
    """Places after a displacement in pixels; walls stop each direction apart."""
    return (place + by).clamp(LEAST, MOST)
