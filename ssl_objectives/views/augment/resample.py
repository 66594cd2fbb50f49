"""Resampling along height and along width, each a matrix of weights.

Crops with resizing, and blurs, treat the two axes apart. As matrix products with a
matrix of its own for each clip they cost about what PyTorch's grid sampling does (on a
CPU, at 84 pixels), and shrinking does not alias, which grid sampling does.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def resample(
    clips: Float[Tensor, "N T C H W"],
    rows: Float[Tensor, "N h H"],
    columns: Float[Tensor, "N w W"],
) -> Float[Tensor, "N T C h w"]:
    """Each new pixel is a weighted mean of old ones, for each clip its own."""
    num, frames, channels, height, width = clips.shape
    wide = clips.reshape(num, -1, width) @ columns.mT
    wide = wide.view(num, frames * channels, height, -1)
    made = rows.unsqueeze(1) @ wide
    return made.view(num, frames, channels, *made.shape[-2:])


def box_weights(
    start: Float[Tensor, "N"], size: Float[Tensor, "N"], length: int, outputs: int
) -> Float[Tensor, "N outputs length"]:
    """Weights that stretch part of an axis over `outputs` pixels.

    Linear interpolation where it grows; where it shrinks a triangle as wide as two new
    pixels. Beyond its ends an axis goes on as its last pixel.

    Args:
        start: where the part begins, in pixels; 0 is the outer edge of the first.
        size: its length in pixels.
        length: pixels of the axis.
        outputs: pixels of the result.
    """
    scale = (size / outputs).unsqueeze(1)
    place = torch.arange(outputs, device=start.device) + 0.5
    center = (start.unsqueeze(1) + place * scale).clamp(0.5, length - 0.5)
    pixel = torch.arange(length, device=start.device) + 0.5
    away = (center.unsqueeze(2) - pixel).abs() / scale.clamp(min=1.0).unsqueeze(2)
    weight = (1.0 - away).clamp_(min=0.0)
    return weight / weight.sum(-1, keepdim=True)


def blur_weights(
    sigma: Float[Tensor, "N"], length: int
) -> Float[Tensor, "N length length"]:
    """Gaussian weights, cut off at the ends of the axis and at three σ.

    Args:
        sigma: in pixels; 0 leaves everything as it is.
        length: pixels of the axis.
    """
    pixel = torch.arange(length, device=sigma.device)
    deviations = pixel / sigma.clamp(min=1e-3).unsqueeze(1)
    bell = (-0.5 * deviations.square()).exp().masked_fill_(deviations > 3, 0.0)
    weight = bell[:, (pixel.unsqueeze(1) - pixel).abs()]
    return weight / weight.sum(-1, keepdim=True)
