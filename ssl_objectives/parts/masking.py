"""Which patches of an image are seen, and which are to be predicted.

Draws follow from the step and the row's id, so that neither the order of a batch nor
the process that holds a row makes a difference, and nobody has to carry masks along.
How many places are seen is fixed: on a GPU nothing waits to learn it.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssl_objectives.encoders.patches import Grid, at_places
from ssl_objectives.parts.noise import uniform_of_rows
from ssl_objectives.parts.step_counter import StepCounter


class Masks(NamedTuple):
    """Places of each image, numbered row by row.

    Attributes:
        seen: K that the encoder is shown.
        wanted: B times M that are to be predicted, B questions apart from each other.
    """

    seen: Int64[Tensor, "N K"]
    wanted: Int64[Tensor, "N B M"]


class Masking(ABC):
    """Draws masks of images with a grid of patches."""

    @abstractmethod
    def draw(self, row: Int64[Tensor, "N"], grid: Grid, counter: StepCounter) -> Masks:
        """Masks of the rows with these ids, in this step.

        Raises:
            ValueError: the grid is too small.
        """


@dataclass(frozen=True)
class RandomPatches(Masking):
    """Some patches drawn evenly, the rest to be predicted at once (MAE, 2111.06377)."""

    hidden: float = 0.75
    """share of the patches that is hidden"""

    def __post_init__(self) -> None:
        if not 0 < self.hidden < 1:
            raise ValueError(f"hidden must be above 0 and below 1, not {self.hidden}")

    def draw(self, row: Int64[Tensor, "N"], grid: Grid, counter: StepCounter) -> Masks:
        """`⌊L (1 - hidden)⌋` patches are seen."""
        number = grid[0] * grid[1]
        kept = int(number * (1 - self.hidden))
        if not 0 < kept < number:
            raise ValueError(
                f"of {grid[0]}x{grid[1]} patches {kept} would be seen; choose smaller "
                "patches, or another share that is hidden"
            )
        drawn = uniform_of_rows(row, number, counter.generator(row.device))
        order = drawn.argsort(-1)
        seen, wanted = order[:, :kept].sort(-1).values, order[:, kept:].sort(-1).values
        return Masks(seen, wanted.unsqueeze(1))


@dataclass(frozen=True)
class Blocks(Masking):
    """Blocks to be predicted, and a large one without them to be seen (I-JEPA).

    Of arXiv 2301.08243: four blocks of 15 to 20 % of the image, 3:4 to 3:2; the context
    is a square block of 85 to 100 %, less all of them. Sizes are shared by the images
    of a step, places are each image's own, as in the official code.

    Deviations: the official code cuts contexts of a batch to the shortest of them, from
    the bottom; here each has as many places as `least` says, drawn evenly from the
    context, whatever is in the batch. Where a context has fewer it is all that is in no
    block, and where that is too little as well, later blocks are the first one again
    (official: it is drawn again, then blocks may be seen). Blocks may touch the lower
    and right border, which the official draw leaves out.
    """

    number: int = 4
    """B, blocks to be predicted"""
    area: tuple[float, float] = (0.15, 0.2)
    """least and greatest share of the image that a block has"""
    ratio: tuple[float, float] = (0.75, 1.5)
    """least and greatest height over width of a block"""
    context: tuple[float, float] = (0.85, 1.0)
    """least and greatest share of the image that the context begins as"""
    least: float = 0.25
    """share of all places that is seen in the end, where blocks leave so many"""

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"number must be at least 1, not {self.number}")
        for name in ("area", "context"):
            low, high = getattr(self, name)
            if not 0 < low <= high <= 1:
                raise ValueError(f"{name} must rise within (0, 1], not {low, high}")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"ratio must rise above 0, not {self.ratio}")
        if not 0 < self.least < 1:
            raise ValueError(f"least must be above 0 and below 1, not {self.least}")

    def draw(self, row: Int64[Tensor, "N"], grid: Grid, counter: StepCounter) -> Masks:
        """Sizes on the host, places where the ids are."""
        host = counter.generator(torch.device("cpu"), 1)
        share, shape, around = torch.rand(3, generator=host).tolist()
        block = _sides(grid, _between(self.area, share), _between(self.ratio, shape))
        large = _sides(grid, _between(self.context, around), 1.0)
        generator = counter.generator(row.device)
        numbers = 2 * (self.number + 1) + grid[0] * grid[1]
        drawn = uniform_of_rows(row, numbers, generator)
        corners, chance = (
            drawn[:, : 2 * self.number + 2],
            drawn[:, -grid[0] * grid[1] :],
        )
        blocks = corners[:, 2:].unflatten(1, (-1, 2))
        kept = self.seen(grid)
        free = ~(_covers(grid, block, blocks).cumsum(1) > 0)
        # blocks from the one that would leave too little are the first one again
        fits = free.sum(-1) >= kept
        index = torch.arange(self.number, device=row.device) * fits
        wanted = at_places(_inside(grid, block, blocks), index)
        last = fits.sum(-1, keepdim=True) - 1
        open_ = free.gather(1, last.unsqueeze(-1).expand(-1, -1, free.shape[-1]))
        context = (open_ & _covers(grid, large, corners[:, None, :2])).squeeze(1)
        enough = context.sum(-1, keepdim=True) >= kept
        chosen = torch.where(enough, context, open_.squeeze(1)).to(chance.dtype)
        order = (chosen + chance).argsort(-1, descending=True)
        return Masks(order[:, :kept].sort(-1).values, wanted)

    def seen(self, grid: Grid) -> int:
        """K: as `least` says, and no more than a block leaves.

        Raises:
            ValueError: it may leave nothing.
        """
        number, most = grid[0] * grid[1], _largest(grid, self.area, self.ratio)
        left = min(round(self.least * number), number - most)
        if left < 1:
            raise ValueError(
                f"{grid[0]}x{grid[1]} patches are too few for blocks and something to "
                "be seen beside them; choose smaller patches"
            )
        return left


def _between(bounds: tuple[float, float], share: float) -> float:
    return bounds[0] + share * (bounds[1] - bounds[0])


def _sides(grid: Grid, share: float, ratio: float) -> tuple[int, int]:
    """Height and width of a block, less than the image's, as in the official code."""
    area = int(grid[0] * grid[1] * share + 1e-9)
    height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
    return _within(height, grid[0]), _within(width, grid[1])


def _largest(grid: Grid, area: tuple[float, float], ratio: tuple[float, float]) -> int:
    """Places of the largest block that `_sides` can give."""
    least, greatest = (int(grid[0] * grid[1] * x + 1e-9) for x in area)
    found = [1]
    for number in range(max(1, least), greatest + 1):
        low, high = (round(math.sqrt(number * x)) for x in ratio)
        for height in range(low, high + 1):
            # the flattest block of this height is the widest
            flat = max(ratio[0], (height - 0.5) ** 2 / number)
            width = math.floor(math.sqrt(number / flat) + 0.5)
            found.append(_within(height, grid[0]) * _within(width, grid[1]))
    return max(found)


def _within(side: int, most: int) -> int:
    return max(1, min(side, most - 1))


def _corner(
    grid: Grid, size: tuple[int, int], drawn: Float[Tensor, "N B 2"]
) -> tuple[Int64[Tensor, "N B"], Int64[Tensor, "N B"]]:
    """Top and left of blocks, even over all places where they fit."""
    top, left = (
        (x * (length - side + 1)).long().clamp(max=length - side)
        for x, length, side in zip(drawn.unbind(-1), grid, size, strict=True)
    )
    return top, left


def _inside(
    grid: Grid, size: tuple[int, int], drawn: Float[Tensor, "N B 2"]
) -> Int64[Tensor, "N B M"]:
    """Places of blocks, row by row."""
    top, left = _corner(grid, size, drawn)
    rows = torch.arange(size[0], device=drawn.device).view(-1, 1)
    columns = torch.arange(size[1], device=drawn.device)
    within = (rows * grid[1] + columns).flatten()
    return (top * grid[1] + left).unsqueeze(-1) + within


def _covers(
    grid: Grid, size: tuple[int, int], drawn: Float[Tensor, "N B 2"]
) -> Bool[Tensor, "N B L"]:
    """Which places are in which block."""
    places = _inside(grid, size, drawn)
    shape = (*places.shape[:2], grid[0] * grid[1])
    empty = torch.zeros(shape, dtype=drawn.dtype, device=drawn.device)
    return empty.scatter(-1, places, 1.0) > 0
