"""The contract of augmentations, and how several of them make a view."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ssl_objectives.parts.constants import constant
from ssl_objectives.pixels import check_bytes
from ssl_objectives.views.params import UNCHANGED, Range


class Changed(NamedTuple):
    """Clips between two augmentations, and the parameters of those already applied.

    Attributes:
        clips: floats in [0, 1]; images are clips of T = 1 frame.
        params: columns as in `views.params.PARAMS`.
    """

    clips: Float[Tensor, "N T C H W"]
    params: Float[Tensor, "N P"]


class Possible(NamedTuple):
    """What can come between two augmentations: the bounds of `Changed`.

    Attributes:
        image_shape: (C, H, W) of the clips.
        ranges: least and greatest of each of `views.params.PARAMS`.
    """

    image_shape: tuple[int, int, int]
    ranges: tuple[Range, ...]

    def ranged(self, changed: Mapping[int, Range]) -> "Possible":
        """The same with other ranges of some params, by their columns."""
        ranges = [changed.get(i, x) for i, x in enumerate(self.ranges)]
        return self._replace(ranges=tuple(ranges))


class Augmentation(ABC):
    """One kind of augmentation: a dataclass whose fields are its settings.

    Each clip gets a draw of its own, which holds for all of its frames. It may write
    into the clips that it is given.
    """

    def possible(self, given: Possible) -> Possible:
        """The bounds of what `__call__` makes; all as it came, unless it says else.

        One that writes params, or changes the size of images, must say so.
        """
        return given

    @abstractmethod
    def __call__(self, given: Changed, generator: torch.Generator) -> Changed:
        """Draw and apply; `generator` is on the device of the clips."""


class Augmented(NamedTuple):
    """A view of N images or clips.

    Attributes:
        images: the axes of what was given; height and width may differ.
        params: how they were made; columns as in `views.params.PARAMS`.
    """

    images: UInt8[Tensor, "N *T C _ _"]
    params: Float[Tensor, "N P"]


@torch.no_grad()
def augment(
    images: UInt8[Tensor, "N *T C H W"],
    chain: Sequence[Augmentation],
    generator: torch.Generator,
) -> Augmented:
    """Pass images `[N, C, H, W]`, or clips `[N, T, C, H, W]`, through augmentations.

    Bytes become floats once and bytes again once, rounded: what leaves an image as it
    is leaves it so bit for bit. With an empty chain the images themselves come back.

    Args:
        images: what is to be changed; not written to.
        chain: one after another.
        generator: on the device of the images; its state decides everything.

    Raises:
        NotBytes: images of other numbers; says how to convert them.
    """
    check_bytes(images, "A maker of views")
    unchanged = constant(UNCHANGED, images.device)
    params = unchanged.repeat(len(images), 1)
    if not chain or not len(images):
        return Augmented(images, params)
    clips = images if images.dim() == 5 else images.unsqueeze(1)
    changed = Changed(clips.float().mul_(1 / 255), params)
    for change in chain:
        changed = change(changed, generator)
    made = changed.clips.mul(255).round_().clamp_(0, 255).to(torch.uint8)
    size = made.shape[-2:]
    return Augmented(made.reshape(*images.shape[:-2], *size), changed.params)


def ranges(
    chain: Sequence[Augmentation], image_shape: tuple[int, int, int]
) -> tuple[Range, ...]:
    """Least and greatest of the params of images `[C, H, W]` behind a chain."""
    made = Possible(image_shape, tuple((x, x) for x in UNCHANGED))
    for change in chain:
        made = change.possible(made)
    return made.ranges


def perhaps(probability: float, without: float, drawn: Range) -> Range:
    """Of a number that is `without` where nothing happens, and else within `drawn`."""
    if probability == 0:
        return without, without
    if probability == 1:
        return drawn
    return min(without, drawn[0]), max(without, drawn[1])


def uniform(
    given: Changed, low: float, high: float, generator: torch.Generator
) -> Float[Tensor, "N"]:
    """One number per clip."""
    draw = torch.rand(len(given.params), generator=generator, device=given.clips.device)
    return low + (high - low) * draw


def happens(
    given: Changed, probability: float, generator: torch.Generator
) -> Bool[Tensor, "N"]:
    """Whether it happens to each clip."""
    return uniform(given, 0.0, 1.0, generator) < probability


def checked_probability(name: str, value: float) -> None:
    """Pass if it is one.

    Raises:
        ValueError: it is not between 0 and 1.
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be between 0 and 1, not {value}")


def checked_range(name: str, value: tuple[float, float], least: float = 0.0) -> None:
    """Pass if it is a range of numbers from `least` on.

    Raises:
        ValueError: it is not.
    """
    if not least <= value[0] <= value[1]:
        raise ValueError(
            f"{name} must be a least and a greatest number from {least:g} on, "
            f"not {value}"
        )
