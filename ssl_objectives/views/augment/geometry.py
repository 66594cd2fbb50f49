"""Geometric augmentations: random resized crop, shift, flip, cutout."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssl_objectives.parts.constants import constant
from ssl_objectives.views.augment.augmentation import (
    Augmentation,
    Changed,
    Possible,
    checked_probability,
    checked_range,
    happens,
    uniform,
)
from ssl_objectives.views.augment.resample import box_weights, resample
from ssl_objectives.views.params import FLIP, Range


@dataclass(frozen=True)
class RandomResizedCrop(Augmentation):
    """Cut out a random box and stretch it to a given size (Szegedy et al. 2014).

    Torchvision tries ten boxes and then takes the middle of the image; here a box that
    is too long for the image is cut off at its ends. With `scale=(1, 1)` and
    `ratio=(1, 1)` nothing changes.
    """

    scale: tuple[float, float] = (0.2, 1.0)
    """least and greatest share of the image's area"""
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """least and greatest width over height, relative to the image's"""
    size: tuple[int, int] | None = None
    """height and width of the result; None: those of the image"""

    def __post_init__(self) -> None:
        checked_range("scale", self.scale)
        checked_range("ratio", self.ratio)
        if self.scale[0] == 0 or self.scale[1] > 1 or self.ratio[0] == 0:
            raise ValueError(
                "scale must lie above 0 and at most at 1, ratio above 0, "
                f"not {self.scale} and {self.ratio}"
            )

    def possible(self, given: Possible) -> Possible:
        """Sides by the extremes of area and ratio, places that leave room for them."""
        (least, most), (low, high) = self.scale, self.ratio
        tall = min(1.0, (least / high) ** 0.5), min(1.0, (most / low) ** 0.5)
        wide = min(1.0, (least * low) ** 0.5), min(1.0, (most * high) ** 0.5)
        box = ((0.0, 1.0 - tall[0]), (0.0, 1.0 - wide[0]), tall, wide)
        channels, *size = given.image_shape
        height, width = self.size or size
        cut = Possible((channels, height, width), given.ranges)
        return _possible_within(cut, box)

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Area uniform, ratio uniform in its logarithm, place uniform."""
        area = uniform(given, *self.scale, generator)
        low, high = (math.log(x) for x in self.ratio)
        root = (0.5 * uniform(given, low, high, generator)).exp()
        height = (area.sqrt() / root).clamp(max=1.0)
        width = (area.sqrt() * root).clamp(max=1.0)
        top = uniform(given, 0.0, 1.0, generator) * (1.0 - height)
        left = uniform(given, 0.0, 1.0, generator) * (1.0 - width)
        box = torch.stack([top, left, height, width], 1)
        clips = crop(given.clips, box, self.size or _size(given))
        return Changed(clips, within(given.params, box))


@dataclass(frozen=True)
class Shift(Augmentation):
    """Move by whole pixels, the border repeated: DrQ's augmentation (2004.13649)."""

    pixels: int = 4
    """the farthest, up, down, left and right"""

    def __post_init__(self) -> None:
        if self.pixels < 0:
            raise ValueError(f"pixels must be at least 0, not {self.pixels}")

    def possible(self, given: Possible) -> Possible:
        """Places up to so many pixels away."""
        down, right = (self.pixels / x for x in given.image_shape[1:])
        same = (1.0, 1.0)
        return _possible_within(given, ((-down, down), (-right, right), same, same))

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Both directions uniform."""
        clips, num = given.clips, len(given.params)
        drawn = torch.randint(
            -self.pixels,
            self.pixels + 1,
            (num, 2),
            generator=generator,
            device=clips.device,
        )
        moved = drawn / constant(_size(given), clips.device, torch.int64)
        box = torch.cat([moved, torch.ones_like(moved)], 1)
        return Changed(shift(clips, drawn), within(given.params, box))


@dataclass(frozen=True)
class Flip(Augmentation):
    """Mirror left to right."""

    probability: float = 0.5
    """how often"""

    def __post_init__(self) -> None:
        checked_probability("probability", self.probability)

    def possible(self, given: Possible) -> Possible:
        """Mirrored or not, or the other way round where it always happens."""
        low, high = given.ranges[FLIP]
        if self.probability == 0:
            return given
        if self.probability == 1:
            return given.ranged({FLIP: (1.0 - high, 1.0 - low)})
        return given.ranged({FLIP: (0.0, 1.0)})

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Draw and apply."""
        where = happens(given, self.probability, generator)
        params = given.params.clone()
        params[:, FLIP] = (params[:, FLIP] - where.float()).abs()
        return Changed(flip(given.clips, where), params)


@dataclass(frozen=True)
class Cutout(Augmentation):
    """Fill a square, part of which may lie outside, with gray (1708.04552).

    Where the hole is is not among the params: nothing reads it.
    """

    probability: float = 0.5
    """how often"""
    side: float = 0.5
    """height and width of the hole, as shares of the image's"""

    def __post_init__(self) -> None:
        checked_probability("probability", self.probability)
        checked_probability("side", self.side)

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Its middle is uniform over the image."""
        where = happens(given, self.probability, generator)
        height, width = _size(given)
        rows = self._near(uniform(given, 0.0, 1.0, generator), height)
        columns = self._near(uniform(given, 0.0, 1.0, generator), width)
        hole = rows.unsqueeze(2) & columns.unsqueeze(1) & where[:, None, None]
        return Changed(given.clips.masked_fill(hole[:, None, None], 0.5), given.params)

    def _near(self, center: Float[Tensor, "N"], length: int) -> Bool[Tensor, "N L"]:
        place = (torch.arange(length, device=center.device) + 0.5) / length
        return (place - center.unsqueeze(1)).abs() < self.side / 2


def crop(
    clips: Float[Tensor, "N T C H W"],
    box: Float[Tensor, "N 4"],
    size: tuple[int, int],
) -> Float[Tensor, "N T C _ _"]:
    """Cut out boxes and stretch them to `size`.

    Args:
        clips: what to cut.
        box: top, left, height and width as shares of the image.
        size: height and width of the result.
    """
    height, width = clips.shape[-2:]
    top, left, tall, wide = box.unbind(1)
    rows = box_weights(top * height, tall * height, height, size[0])
    columns = box_weights(left * width, wide * width, width, size[1])
    return resample(clips, rows, columns)


def shift(
    clips: Float[Tensor, "N T C H W"], pixels: Int64[Tensor, "N 2"]
) -> Float[Tensor, "N T C H W"]:
    """Look `pixels` further down and to the right; the border goes on beyond it."""
    height, width = clips.shape[-2:]

    def place(by: Int64[Tensor, "N"], length: int) -> Int64[Tensor, "N length"]:
        order = torch.arange(length, device=clips.device)
        return (order + by.unsqueeze(1)).clamp_(0, length - 1)

    rows = place(pixels[:, 0], height)[:, :, None]
    columns = place(pixels[:, 1], width)[:, None, :]
    flat = (rows * width + columns).flatten(1)[:, None, None]
    index = flat.expand(*clips.shape[:3], -1)
    return clips.flatten(3).gather(3, index).view(clips.shape)


def flip(
    clips: Float[Tensor, "N T C H W"], where: Bool[Tensor, "N"]
) -> Float[Tensor, "N T C H W"]:
    """Mirror some clips left to right."""
    return torch.where(where.view(-1, 1, 1, 1, 1), clips.flip(-1), clips)


def within(
    params: Float[Tensor, "N P"], box: Float[Tensor, "N 4"]
) -> Float[Tensor, "N P"]:
    """Params after cutting `box` out of what they describe.

    The box is one of the view so far, which may be mirrored; those in params are of
    the original image.
    """
    top, left, height, width = params[:, :4].unbind(1)
    down, right, tall, wide = box.unbind(1)
    right = torch.where(params[:, FLIP] > 0, 1.0 - right - wide, right)
    place = [top + down * height, left + right * width, tall * height, wide * width]
    return torch.cat([torch.stack(place, 1), params[:, 4:]], 1)


def _possible_within(given: Possible, box: tuple[Range, ...]) -> Possible:
    """The bounds of `within`; `box` must lie left as often as right.

    So that it does not matter whether the view was mirrored.
    """
    top, left, height, width = given.ranges[:4]
    down, right, tall, wide = box
    place = (_sum(top, _product(down, height)), _sum(left, _product(right, width)))
    size = (_product(tall, height), _product(wide, width))
    return given.ranged(dict(enumerate(place + size)))


def _sum(one: Range, two: Range) -> Range:
    return one[0] + two[0], one[1] + two[1]


def _product(one: Range, two: Range) -> Range:
    ends = [x * y for x in one for y in two]
    return min(ends), max(ends)


def _size(given: Changed) -> tuple[int, int]:
    height, width = given.clips.shape[-2:]
    return height, width
