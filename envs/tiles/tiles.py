"""Tile rendering: pixel art written as text, and images put together from tiles."""

import colorsys
from collections.abc import Mapping

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

Colour = tuple[int, int, int]


def shade(hue: float, saturation: float, value: float) -> Colour:
    """A colour by hue (turns of the wheel), saturation and brightness (0 to 1)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def paint(
    art: str,
    palette: Mapping[str, Colour],
    under: UInt8[Tensor, "3 h w"] | None = None,
) -> UInt8[Tensor, "3 h w"]:
    """Turn words of letters, one word per row of pixels, into an image.

    Args:
        art: the rows, separated by blanks.
        palette: what colour a letter is.
        under: shows through wherever a letter is not in the palette (else black).
    """
    rows = art.split()
    image = torch.tensor(
        [[palette.get(letter, (0, 0, 0)) for letter in row] for row in rows],
        dtype=torch.uint8,
    ).permute(2, 0, 1)
    if under is None:
        return image.contiguous()
    drawn = torch.tensor([[letter in palette for letter in row] for row in rows])
    return torch.where(drawn, image, under)


def resize(
    tiles: UInt8[Tensor, "*batch 3 h w"], pixels: int
) -> UInt8[Tensor, "*batch 3 {pixels} {pixels}"]:
    """Scale tiles to `pixels` x `pixels`, each pixel taking its nearest original."""
    height, width = tiles.shape[-2:]
    steps = torch.arange(pixels)
    rows, columns = steps * height // pixels, steps * width // pixels
    return tiles[..., rows, :][..., columns]


def mosaic(
    tiles: UInt8[Tensor, "num 3 p q"], index: Int64[Tensor, "B rows columns"]
) -> UInt8[Tensor, "B 3 height width"]:
    """Lay out pictures: tile `index[b, i, j]` in row i and column j of picture b."""
    laid = tiles[index].permute(0, 3, 1, 4, 2, 5)
    return laid.flatten(4, 5).flatten(2, 3)


def stamp(
    pictures: UInt8[Tensor, "B 3 height width"],
    tiles: UInt8[Tensor, "num 3 p p"],
    index: Int64[Tensor, "B count"],
    x: Int64[Tensor, "B count"],
    y: Int64[Tensor, "B count"],
) -> None:
    """Put tile `index[b, i]` into column `x[b, i]` and row `y[b, i]` of picture b.

    Laying out all cells anew costs ten times as much as copying a prepared picture and
    stamping the few cells that change. Two stamps on one cell must be the same tile.
    """
    pixels = tiles.shape[-1]
    cells = pictures.unflatten(3, (-1, pixels)).unflatten(2, (-1, pixels))
    batch = torch.arange(len(index), device=index.device).unsqueeze(1)
    cells[batch, :, y, :, x] = tiles[index]
