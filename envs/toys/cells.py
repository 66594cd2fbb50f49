"""Worlds of cells, of which one is lit: where the agent is."""

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor


def lit(
    cell: Int64[Tensor, "B"], rows: int, columns: int, pixels: int
) -> UInt8[Tensor, "B 1 height width"]:
    """Black frames with one white square each.

    Args:
        cell: `row * columns + column` of the square; beyond the last one, none is lit.
        rows, columns: of cells.
        pixels: per side of a cell.
    """
    places = torch.arange(rows * columns, device=cell.device)
    small = (cell.unsqueeze(1) == places).to(torch.uint8) * 255
    frames = small.view(-1, 1, rows, columns)
    if pixels == 1:
        return frames
    return frames.repeat_interleave(pixels, 2).repeat_interleave(pixels, 3)
