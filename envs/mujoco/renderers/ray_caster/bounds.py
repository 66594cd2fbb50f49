"""Which tiles a geom can be seen in: those that the outline of its box touches."""

from itertools import combinations, product
from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from envs.mujoco.renderers.ray_caster.seen import Seen
from envs.mujoco.renderers.ray_caster.tiles import SIDE, Tiles

CLOSE = 1e-4
"""metres before the camera at which boxes that reach behind it are cut off"""
WIDE = 1e5
"""metres from which on a geom is taken to be everywhere"""
SLACK = 0.01
"""pixels that rounding may shift an outline by"""


@final
class Bounds:
    """Boxes of geoms, projected.

    Args:
        tiles: of the view.
        reach: half the sides of the box of each of the G geoms, in its own frame.
    """

    def __init__(self, tiles: Tiles, reach: Float32[Tensor, "G 3"]) -> None:
        signs = list(product((-1.0, 1.0), repeat=3))
        edges = [
            (i, j)
            for i, j in combinations(range(8), 2)
            if sum(a != b for a, b in zip(signs[i], signs[j], strict=True)) == 1
        ]
        self._tiles = tiles
        self._corners = torch.tensor(signs, device=reach.device) * reach.unsqueeze(1)
        ends = torch.tensor(edges + [(j, i) for i, j in edges], device=reach.device)
        self._from, self._to = ends.t().contiguous()
        self._everywhere = (reach > WIDE).any(-1)

    def touched(self, seen: Seen) -> Bool[Tensor, "B T G"]:
        """For each tile, row by row, which geoms it may show."""
        offset = self._corners - seen.origin.unsqueeze(2)
        corner = offset @ seen.axes
        near, far = corner[..., self._from, :], corner[..., self._to, :]
        depth = -near[..., 2]
        # The part of each edge that lies before the camera, from both of its ends.
        share = (CLOSE - depth) / (far - near)[..., 2].neg()
        cut = torch.where(depth < CLOSE, share, 0.0).clamp(0, 1)
        point = torch.lerp(near, far, cut.unsqueeze(-1))
        before = -point[..., 2] >= CLOSE / 2
        across = point[..., :2] / -point[..., 2:].clamp_max(-CLOSE / 2)
        vast = torch.where(before, 0.0, torch.inf).unsqueeze(-1)
        low, high = (across + vast).amin(2), (across - vast).amax(2)
        low = low.masked_fill(self._everywhere.unsqueeze(-1), -torch.inf)
        high = high.masked_fill(self._everywhere.unsqueeze(-1), torch.inf)
        tiles = self._tiles
        half = ((SIDE - 1) / 2 + SLACK) * tiles.pixel
        x = tiles.x[: tiles.columns].view(-1, 1)
        y = tiles.y[:: tiles.columns].view(-1, 1)
        columns = _overlap(x, half, low[..., 0], high[..., 0])
        rows = _overlap(y, half, low[..., 1], high[..., 1])
        both = rows.unsqueeze(2) & columns.unsqueeze(1)
        return both.flatten(1, 2)


def _overlap(
    middle: Float32[Tensor, "n 1"],
    half: float,
    low: Float32[Tensor, "B G"],
    high: Float32[Tensor, "B G"],
) -> Bool[Tensor, "B n G"]:
    return (low.unsqueeze(1) <= middle + half) & (high.unsqueeze(1) >= middle - half)
