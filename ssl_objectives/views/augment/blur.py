"""Gaussian blur augmentation, each clip with a width of its own."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

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
from ssl_objectives.views.augment.resample import blur_weights, resample
from ssl_objectives.views.params import BLUR


@dataclass(frozen=True)
class Blur(Augmentation):
    """Gaussian blur, whose σ grows with the image.

    Deviation: SimCLR's official code draws σ between 0.1 and 2 pixels whatever the size
    of the image (with which only its window grows), as here at 100 pixels.
    """

    probability: float = 0.5
    """how often"""
    sigma: tuple[float, float] = (0.001, 0.02)
    """least and greatest σ, as shares of the image's longer side"""

    def __post_init__(self) -> None:
        checked_probability("probability", self.probability)
        checked_range("sigma", self.sigma)

    def possible(self, given: Possible) -> Possible:
        """Its σ in pixels."""
        side = max(given.image_shape[1:])
        drawn = self.sigma[0] * side, self.sigma[1] * side
        return given.ranged({BLUR: perhaps(self.probability, 0.0, drawn)})

    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """The width is uniform."""
        where = happens(given, self.probability, generator)
        side = max(given.clips.shape[-2:])
        drawn = uniform(given, *self.sigma, generator) * side
        params = given.params.clone()
        params[:, BLUR] = torch.where(where, drawn, 0.0)
        return Changed(blur(given.clips, params[:, BLUR]), params)


def blur(
    clips: Float[Tensor, "N T C H W"], sigma: Float[Tensor, "N"]
) -> Float[Tensor, "N T C H W"]:
    """Blur with σ in pixels; 0 leaves a clip as it is."""
    height, width = clips.shape[-2:]
    return resample(clips, blur_weights(sigma, height), blur_weights(sigma, width))
