"""What lies behind the dots, for how long, and how both become bytes."""

from dataclasses import dataclass
from math import floor, isfinite
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from envs.toys.backgrounds import Backgrounds, NamedBackgrounds
from envs.toys.dots import PEAK, PIXELS, density

_FEWEST_LEVELS = 32  # of a dot: with fewer, bytes hide where its centre is


@final
@dataclass(frozen=True)
class Scene:
    """Dots added to a background: `o = Σ density(dot) + α · PEAK · background`.

    So α is the background's brightest pixel in units of a dot's (arXiv 2211.10831).

    Attributes:
        num_dots: how many dots there may be in one place.
        backgrounds: where backgrounds come from; nothing is drawn where α is 0.
        alpha: α, 0 or more.
        changing: a new background for every frame, or one for a whole episode.

    Raises:
        ValueError: α is negative or not finite, or leaves a dot fewer than 32 levels of
            brightness.
    """

    num_dots: int
    backgrounds: Backgrounds
    alpha: float
    changing: bool

    def __post_init__(self) -> None:
        if not (isfinite(self.alpha) and self.alpha >= 0.0):
            raise ValueError(f"alpha must be 0 or more, not {self.alpha}")
        if self.peak_levels < _FEWEST_LEVELS:
            most = floor(10 * (255 / _FEWEST_LEVELS - self.num_dots)) / 10
            raise ValueError(
                f"With alpha {self.alpha} too few of the 256 shades are left for the "
                f"dots: it may be {most} at most"
            )

    @property
    def peak_levels(self) -> float:
        """Levels of brightness between a dot's centre and what lies behind it.

        255 / (num_dots + α), so that all dots in one place, before the brightest
        background, are 255. That is 255 for one dot without a background, 127.5 at
        α = 1, 100 at α = 1.55 and 85 at α = 2; for three dots 85, 64, 56 and 51.
        """
        return 255 / (self.num_dots + self.alpha)

    @property
    def scale(self) -> float:
        """What a frame of floats is multiplied by: levels per unit of density."""
        return self.peak_levels / PEAK

    def begin(
        self, num_envs: int, generator: torch.Generator
    ) -> Float32[Tensor, "B 28 28"]:
        """Backgrounds of first frames, within [0, 1]."""
        if self.alpha == 0.0:
            return torch.zeros(num_envs, PIXELS, PIXELS, device=generator.device)
        return self.backgrounds.draw(num_envs, generator)

    def follow(
        self, background: Float32[Tensor, "B 28 28"], generator: torch.Generator
    ) -> Float32[Tensor, "B 28 28"]:
        """Backgrounds of the frames after: new ones, or the same."""
        if self.changing and self.alpha > 0.0:
            return self.backgrounds.draw(len(background), generator)
        return background

    def draw(
        self,
        place: Float32[Tensor, "B dots 2"],
        background: Float32[Tensor, "B 28 28"],
    ) -> UInt8[Tensor, "B 1 28 28"]:
        """Frames as bytes: `scale` times the sum above, rounded. Nothing is cut off.

        Args:
            place: (x, y) of every dot, in pixels.
        """
        shown = density(place).sum(1) + self.alpha * PEAK * background
        return (self.scale * shown).round().byte().unsqueeze(1)


@dataclass(frozen=True)
class NoiseConfig:
    """Backgrounds by name, their strength, and whether they last."""

    backgrounds: NamedBackgrounds = NamedBackgrounds.TEXTURES
    """Independent pixels, or smooth textures of at most 7 cycles per frame."""
    alpha: float = 0.0
    """The brightest pixel of backgrounds, in units of a dot's; 0 for black."""
    changing: bool = True
    """A new background for every frame; else one for each episode."""

    def build(self, num_dots: int) -> Scene:
        """The scene of so many dots.

        Raises:
            ValueError: alpha is negative, or too few shades are left; see `Scene`.
        """
        return Scene(num_dots, self.backgrounds.source, self.alpha, self.changing)
