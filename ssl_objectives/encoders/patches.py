"""Patches of an image at the places of its feature maps: hiding, picking, putting back.

Places are numbered row by row, `y w + x`.
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor

Grid = tuple[int, int]
"""(h, w), places of a feature map"""


@runtime_checkable
class PatchWise(Protocol):
    """A body that can leave patches out, instead of seeing them black."""

    def visible(
        self, images: Float[Tensor, "N C H W"], kept: Int64[Tensor, "N K"]
    ) -> Float[Tensor, "N K F"]:
        """Tokens of the patches that are kept; the others are not computed."""


def at_places(
    tokens: Shaped[Tensor, "N L F"], places: Int64[Tensor, "N *K"]
) -> Shaped[Tensor, "N *K F"]:
    """The tokens at some places of each image."""
    flat = places.flatten(1).unsqueeze(-1).expand(-1, -1, tokens.shape[-1])
    return tokens.gather(1, flat).view(*places.shape, tokens.shape[-1])


def spread(
    tokens: Float[Tensor, "N K F"], kept: Int64[Tensor, "N K"], grid: Grid
) -> Float[Tensor, "N F h w"]:
    """Maps with tokens at their places, and 0 elsewhere."""
    height, width = grid
    num, _, features = tokens.shape
    empty = tokens.new_zeros(num, height * width, features)
    index = kept.unsqueeze(-1).expand(-1, -1, features)
    return empty.scatter(1, index, tokens).mT.reshape(num, features, height, width)


def is_kept(kept: Int64[Tensor, "N K"], grid: Grid) -> Bool[Tensor, "N h w"]:
    """Which places are."""
    empty = torch.zeros(len(kept), grid[0] * grid[1], device=kept.device)
    return (empty.scatter(1, kept, 1.0) > 0).view(-1, *grid)


def blackened(
    images: Shaped[Tensor, "N C H W"], kept: Int64[Tensor, "N K"], grid: Grid
) -> Shaped[Tensor, "N C H W"]:
    """Images that are 0 but in their kept patches; each pixel belongs to a place."""
    size = images.shape[-2], images.shape[-1]
    seen = is_kept(kept, grid).unsqueeze(1).float()
    here: Tensor = torch.nn.functional.interpolate(seen, size)
    return images * here.to(images.dtype)


def patches(images: Shaped[Tensor, "N C H W"], grid: Grid) -> Shaped[Tensor, "N L P"]:
    """The pixels of each patch, of all channels: `P = C H W / (h w)`.

    Raises:
        ValueError: patches are not of one size.
    """
    (height, width), (tall, wide) = images.shape[-2:], grid
    check_divides((height, width), grid)
    rows = images.unflatten(2, (tall, height // tall))
    split = rows.unflatten(4, (wide, width // wide))  # N C h · w ·
    cut: Tensor = split.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
    return cut


def check_divides(size: tuple[int, int], grid: Grid) -> None:
    """Refuse images that are no whole number of patches.

    Raises:
        ValueError: they are not.
    """
    (height, width), (tall, wide) = size, grid
    if height % tall or width % wide:
        raise ValueError(
            f"images of {height}x{width} pixels are not cut into {tall}x{wide} patches "
            "of one size, as the encoder's feature maps would have them; choose a "
            "patch that divides them (--encoder.patch), or another size of images"
        )
