"""Colour augmentations: brightness, contrast, saturation, hue, gray, solarize.

Channels need not be colours. By default those of images whose number of channels is a
multiple of 3 are triples of red, green and blue (one image, or a stack of them), and
others have none: frames stacked of gray ones, maps of tiles. `colors` says otherwise,
such as 3 of 4 for colour with depth. Saturation, hue and gray are for triples alone.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.parts.constants import constant
from ssl_objectives.views.augment.augmentation import (
    Augmentation,
    Changed,
    Possible,
    checked_probability,
    checked_range,
    happens,
    perhaps,
    uniform,
)
from ssl_objectives.views.params import (
    BRIGHTNESS,
    CONTRAST,
    GRAY,
    HUE,
    SATURATION,
    SOLARIZE,
)

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in how bright a pixel is (ITU-R BT.601)."""
_TO_YIQ = (LUMA, (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))
_TO_RGB = tuple(
    map(tuple, torch.tensor(_TO_YIQ, dtype=torch.float64).inverse().tolist())
)


def num_colors(channels: int, colors: int | None) -> int:
    """How many channels, from the first, are triples of red, green and blue.

    Raises:
        ValueError: so many there are not, or they make no triples.
    """
    if colors is None:
        return channels if channels % 3 == 0 else 0
    if colors % 3 or not 0 <= colors <= channels:
        raise ValueError(
            f"colors must be a multiple of 3 and at most the image's {channels} "
            f"channels, not {colors}"
        )
    return colors


def guess_of_colors(channels: int) -> str | None:
    """What is taken for granted of so many channels, where nobody said; None: nothing.

    Four colour frames in a stack and twelve gray ones look alike.
    """
    if channels <= 3 or channels % 3:
        return None
    return (
        f"the {channels} channels are taken for {channels // 3} images of red, green "
        "and blue one after another"
    )


@dataclass(frozen=True)
class Jitter(Augmentation):
    """Brightness, contrast, saturation and hue by random factors, in this order.

    Deviation: the usual recipes draw the order anew each time.
    """

    probability: float = 0.8
    """how often"""
    brightness: float = 0.4
    """factors between 1 - this (at least 0) and 1 + this"""
    contrast: float = 0.4
    """likewise; distances from the mean of the clip"""
    saturation: float = 0.4
    """likewise; distances from gray"""
    hue: float = 0.0
    """turns of the colour circle, at most so many either way"""
    colors: int | None = None
    """channels, from the first, that are triples of red, green and blue"""

    def __post_init__(self) -> None:
        checked_probability("probability", self.probability)
        for name in ("brightness", "contrast", "saturation"):
            checked_range(name, (getattr(self, name),) * 2)
        checked_range("hue", (self.hue, 0.5))

    def possible(self, given: Possible) -> Possible:
        """Its factors and turns; of images without colours two factors alone."""
        colors = num_colors(given.image_shape[0], self.colors)
        reach = {BRIGHTNESS: self.brightness, CONTRAST: self.contrast}
        if colors:
            reach[SATURATION] = self.saturation
        drawn = {i: (max(0.0, 1 - x), 1 + x) for i, x in reach.items() if x}
        found = {i: perhaps(self.probability, 1.0, x) for i, x in drawn.items()}
        if colors and self.hue:
            found[HUE] = perhaps(self.probability, 0.0, (-self.hue, self.hue))
        return given.ranged(found)

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Factors are uniform; those of a clip that is left alone are 1 (0 turns)."""
        where = happens(given, self.probability, generator)
        clips, params = given.clips, given.params.clone()
        colors = num_colors(clips.shape[2], self.colors)

        def factor(reach: float, column: int) -> Float[Tensor, "N"]:
            drawn = uniform(given, max(0.0, 1 - reach), 1 + reach, generator)
            params[:, column] = torch.where(where, drawn, 1.0)
            return params[:, column]

        if self.brightness:
            clips = brightness(clips, factor(self.brightness, BRIGHTNESS))
        if self.contrast:
            clips = contrast(clips, factor(self.contrast, CONTRAST), colors)
        if self.saturation and colors:
            clips = saturation(clips, factor(self.saturation, SATURATION), colors)
        if self.hue and colors:
            turns = uniform(given, -self.hue, self.hue, generator)
            params[:, HUE] = torch.where(where, turns, 0.0)
            clips = hue(clips, params[:, HUE], colors)
        return Changed(clips, params)


@dataclass(frozen=True)
class Gray(Augmentation):
    """Take the colour away; what has none stays as it is."""

    probability: float = 0.2
    """how often"""
    colors: int | None = None
    """channels, from the first, that are triples of red, green and blue"""

    def __post_init__(self) -> None:
        checked_probability("probability", self.probability)

    def possible(self, given: Possible) -> Possible:
        """Yes or no; of what has no colours, no."""
        if not num_colors(given.image_shape[0], self.colors):
            return given
        return given.ranged({GRAY: perhaps(self.probability, 0.0, (1.0, 1.0))})

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Draw and apply."""
        where = happens(given, self.probability, generator)
        colors = num_colors(given.clips.shape[2], self.colors)
        if not colors:
            return given
        params = given.params.clone()
        params[:, GRAY] = where.float()
        keep = torch.where(where, 0.0, 1.0)
        return Changed(saturation(given.clips, keep, colors), params)


@dataclass(frozen=True)
class Solarize(Augmentation):
    """Invert pixels from a threshold on (BYOL's second view)."""

    probability: float = 0.2
    """how often"""
    threshold: float = 0.5
    """the least value that is inverted"""

    def __post_init__(self) -> None:
        checked_probability("probability", self.probability)

    def possible(self, given: Possible) -> Possible:
        """Yes or no."""
        return given.ranged({SOLARIZE: perhaps(self.probability, 0.0, (1.0, 1.0))})

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Draw and apply."""
        where = happens(given, self.probability, generator)
        params = given.params.clone()
        params[:, SOLARIZE] = where.float()
        return Changed(solarize(given.clips, where, self.threshold), params)


def brightness(
    clips: Float[Tensor, "N T C H W"], factor: Float[Tensor, "N"]
) -> Float[Tensor, "N T C H W"]:
    """Multiply all channels."""
    return (clips * _each(factor, clips)).clamp_(0, 1)


def contrast(
    clips: Float[Tensor, "N T C H W"], factor: Float[Tensor, "N"], colors: int
) -> Float[Tensor, "N T C H W"]:
    """Multiply distances from the mean brightness of the clip.

    One mean for all colour channels and all frames, another for all other channels.
    """
    means = clips.mean((1, 3, 4))
    weight = constant(LUMA, clips.device)
    light = means[:, :colors].unflatten(1, (-1, 3)) @ weight
    others = means[:, colors:]
    parts = [(colors, light), (clips.shape[2] - colors, others)]
    pivot = [x.mean(1, keepdim=True).expand(-1, num) for num, x in parts if num]
    mean = torch.cat(pivot, 1)[:, None, :, None, None]
    return mean.lerp(clips, _each(factor, clips)).clamp_(0, 1)


def saturation(
    clips: Float[Tensor, "N T C H W"], factor: Float[Tensor, "N"], colors: int
) -> Float[Tensor, "N T C H W"]:
    """Multiply distances from gray, of colour channels alone."""
    triples, rest = _split(clips, colors)
    weight = constant(LUMA, clips.device).view(3, 1, 1)
    light = (triples * weight).sum(3, keepdim=True)
    made = light.lerp(triples, _each(factor, triples)).clamp_(0, 1)
    return torch.cat([made.flatten(2, 3), rest], 2)


def hue(
    clips: Float[Tensor, "N T C H W"], turns: Float[Tensor, "N"], colors: int
) -> Float[Tensor, "N T C H W"]:
    """Turn colours about gray, red towards green; of colour channels alone.

    Deviation: a rotation of the chrominance plane (YIQ), which keeps how bright a pixel
    is and costs one small matrix; the usual hue of HSV keeps the greatest channel.
    """
    triples, rest = _split(clips, colors)
    made = torch.einsum("nij,ntgjhw->ntgihw", _turned(turns), triples)
    return torch.cat([made.clamp_(0, 1).flatten(2, 3), rest], 2)


def solarize(
    clips: Float[Tensor, "N T C H W"], where: Bool[Tensor, "N"], threshold: float
) -> Float[Tensor, "N T C H W"]:
    """Invert the pixels of some clips from a threshold on."""
    bright = (clips >= threshold) & _each(where, clips)
    return torch.where(bright, 1 - clips, clips)


def _each(values: Tensor, clips: Tensor) -> Tensor:
    """A value per clip, to go with its pixels."""
    return values.view(-1, *[1] * (clips.dim() - 1))


def _split(
    clips: Float[Tensor, "N T C H W"], colors: int
) -> tuple[Float[Tensor, "N T G 3 H W"], Float[Tensor, "N T S H W"]]:
    """Triples of colours, and what is none."""
    return clips[:, :, :colors].unflatten(2, (-1, 3)), clips[:, :, colors:]


def _turned(turns: Float[Tensor, "N"]) -> Float[Tensor, "N 3 3"]:
    """From colours to colours with the same brightness, the chrominance turned."""
    to_yiq = constant(_TO_YIQ, turns.device, torch.float64)
    to_rgb = constant(_TO_RGB, turns.device, torch.float64)
    angle = 2 * math.pi * turns.double()
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(cos), torch.ones_like(cos)
    rows = [one, zero, zero, zero, cos, sin, zero, -sin, cos]
    turn = torch.stack(rows, -1).view(-1, 3, 3)
    made: Tensor = to_rgb @ turn @ to_yiq
    return made.float()
