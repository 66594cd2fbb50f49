"""Pairs of tiles and geoms, in layers of at most one geom per tile."""

from typing import final

import torch
from jaxtyping import Bool, Float32, Int32, Int64
from torch import Tensor


@final
class Layers:
    """All pairs of `touched`, laid out so that the nearest surface is found in slices.

    Tiles are put in the order of how many geoms they have, most first. Layer k holds
    the k-th geom of each tile that has more than k, in that order: so it lies upon the
    first tiles of all, and what it shows is compared with what they have in one step.

    Args:
        touched: which geoms each tile, of all worlds, may show.
    """

    def __init__(self, touched: Bool[Tensor, "T G"]) -> None:
        count = touched.sum(1)
        self._order = count.argsort(descending=True, stable=True)
        self._touched = touched[self._order]
        self._rank = self._touched.cumsum(1, dtype=torch.int64) - 1
        layer = torch.arange(touched.shape[1], device=touched.device)
        sizes = (count.unsqueeze(1) > layer).sum(0)
        self._begin = sizes.cumsum(0) - sizes
        self._sizes = [x for x in sizes.tolist() if x]
        self._geom: list[Tensor] = []
        self._place: list[Tensor] = []

    def pairs(self, some: slice) -> tuple[Int64[Tensor, "n"], Int64[Tensor, "n"]]:
        """Tile and geom of all pairs with some of the geoms, which lie side by side."""
        place, geom = self._touched[:, some].nonzero(as_tuple=True)
        geom = geom + some.start
        self._geom.append(geom)
        self._place.append(self._begin[self._rank[place, geom]] + place)
        return self._order[place], geom

    def nearest(
        self, entries: list[Float32[Tensor, "8 8 _"]], furthest: float
    ) -> tuple[Float32[Tensor, "8 8 T"], Int32[Tensor, "8 8 T"]]:
        """The greatest inverse depth of each pixel, and whose it is; -1 is nobody's.

        Args:
            entries: inverse depths of the pairs that `pairs` gave, in its calls' order.
            furthest: inverse depth behind which there is nothing.
        """
        shape = (8, 8, len(self._order))
        device = self._order.device
        nearest = torch.full(shape, furthest, device=device)
        who = torch.full(shape, -1, dtype=torch.int32, device=device)
        if not self._sizes:
            return nearest, who
        source = _inverse(torch.cat(self._place))
        entry = torch.cat(entries, -1).flatten(0, 1).index_select(1, source)
        geom = torch.cat(self._geom).int()[source]
        begin = 0
        for size in self._sizes:
            behind, by = nearest[..., :size], who[..., :size]
            layer = entry[:, begin : begin + size].view(8, 8, -1)
            torch.where(layer > behind, geom[begin : begin + size], by, out=by)
            torch.maximum(layer, behind, out=behind)
            begin += size
        back = _inverse(self._order)
        return nearest.index_select(2, back), who.index_select(2, back)


def _inverse(permutation: Int64[Tensor, "n"]) -> Int64[Tensor, "n"]:
    result = torch.empty_like(permutation)
    result[permutation] = torch.arange(len(permutation), device=permutation.device)
    return result
