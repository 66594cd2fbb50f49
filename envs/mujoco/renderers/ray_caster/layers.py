"""Pairs of tiles and geoms, in layers of at most one geom per tile."""

from typing import final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor


@final
class Layers:
    """All pairs of `touched`, laid out so that the nearest surface is found in slices.

    Tiles are put in the order of how many geoms they have, most first. Layer k holds
    the k-th geom of each tile that has more than k, in that order: so it lies upon the
    first tiles of all, and what it shows is compared with what they have in one step.

    Attributes:
        order: numbers of the tiles, most geoms first.

    Args:
        touched: which geoms each tile, of all worlds, may show.
    """

    def __init__(self, touched: Bool[Tensor, "T G"]) -> None:
        count = touched.sum(1)
        self.order = count.argsort(descending=True, stable=True)
        self._touched = touched[self.order]
        self._rank = self._touched.cumsum(1, dtype=torch.int64) - 1
        layer = torch.arange(touched.shape[1], device=touched.device)
        sizes = (count.unsqueeze(1) > layer).sum(0)
        self._begin = sizes.cumsum(0) - sizes
        self._sizes = [x for x in sizes.tolist() if x]
        self._geom: list[Tensor] = []
        self._place: list[Tensor] = []

    def pairs(
        self, first: int, last: int
    ) -> tuple[Int64[Tensor, "P"], Int64[Tensor, "P"]]:
        """Tile and geom of all pairs with geoms from `first` to before `last`."""
        place, geom = self._touched[:, first:last].nonzero(as_tuple=True)
        geom = geom + first
        self._geom.append(geom)
        self._place.append(self._begin[self._rank[place, geom]] + place)
        return self.order[place], geom

    def nearest(
        self, entries: list[Float32[Tensor, "8 8 _"]], furthest: float
    ) -> tuple[Float32[Tensor, "8 8 T"], Int64[Tensor, "8 8 T"]]:
        """The greatest inverse depth of each pixel, and whose it is; -1 is nobody's.

        Args:
            entries: inverse depths of the pairs that `pairs` gave, in its calls' order.
            furthest: inverse depth behind which there is nothing.
        """
        shape = (8, 8, len(self.order))
        device = self.order.device
        nearest = torch.full(shape, furthest, device=device)
        who = torch.full(shape, -1, device=device)
        if not self._sizes:
            return nearest, who
        place = torch.cat(self._place)
        source = torch.empty_like(place)
        source[place] = torch.arange(len(place), device=device)
        entry = torch.cat(entries, -1).flatten(0, 1).index_select(1, source)
        geom = torch.cat(self._geom)[source]
        begin = 0
        for size in self._sizes:
            behind, by = nearest[..., :size], who[..., :size]
            layer = entry[:, begin : begin + size].view(8, 8, -1)
            new = layer > behind
            torch.where(new, geom[begin : begin + size], by, out=by)
            torch.maximum(layer, behind, out=behind)
            begin += size
        return nearest, who
