"""Makers of views: several augmented copies of each image of a batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ssl_objectives.counts import check_count
from ssl_objectives.views.augment.augmentation import (
    Augmentation,
    augment,
    checked_range,
    ranges,
)
from ssl_objectives.views.augment.preset import AugmentConfig, shifted
from ssl_objectives.views.params import PARAMS, ROTATION, Range


class Drawn(NamedTuple):
    """Views of N images.

    Attributes:
        images: one batch per view; small crops may be smaller.
        num_targets: how many of them, from the first, are also targets.
        params: how each view was made; columns as in `views.params.PARAMS`.
    """

    images: tuple[UInt8[Tensor, "N *T C _ _"], ...]
    num_targets: int
    params: Float[Tensor, "N V P"]


class ViewMaker(ABC):
    """Makes views of a batch, on the device where the batch is.

    Attributes:
        reach: how far the params of two views of an image can lie apart, for each of
            `views.params.PARAMS`; None: nobody said.
        apart: steps from an image to the later one that is to be given beside it, as a
            clip of two frames (`ImageSource.pairs`); 0: single images.
    """

    reach: tuple[float, ...] | None = None
    apart: int = 0

    @abstractmethod
    def __call__(
        self, images: UInt8[Tensor, "N *T C H W"], generator: torch.Generator
    ) -> Drawn:
        """Draw views of images, or of clips of T frames.

        Equal states of the generator give equal views; each clip has one draw for all
        of its frames, unless its frames are views of their own (`apart`).
        """


@runtime_checkable
class ViewsConfig(Protocol):
    """Describes how views are made: a dataclass whose fields are its settings."""

    def build(self, image_shape: tuple[int, int, int]) -> ViewMaker:
        """Build the maker for images of shape (C, H, W).

        Raises:
            ValueError: it cannot be used with such images.
        """


Chain = Sequence[Augmentation]


class ChainViews(ViewMaker):
    """A view of each image by each of several chains of augmentations.

    Args:
        chains: one per view.
        num_targets: how many views, from the first, are also targets.
        image_shape: (C, H, W) of the images.
    """

    def __init__(
        self,
        chains: Sequence[Chain],
        num_targets: int,
        image_shape: tuple[int, int, int],
    ) -> None:
        self.chains = tuple(chains)
        self.num_targets = num_targets
        self.reach = reach_of(self.chains, image_shape)

    def __call__(
        self, images: UInt8[Tensor, "N *T C H W"], generator: torch.Generator
    ) -> Drawn:
        """Draw one view after another."""
        made = [augment(images, chain, generator) for chain in self.chains]
        params = torch.stack([x.params for x in made], 1)
        return Drawn(tuple(x.images for x in made), self.num_targets, params)


class Rotations(ViewMaker):
    """Four views of an image, changed once: turned by 0, 1, 2 and 3 quarters.

    Pixels move by index; nothing is interpolated, which a network would notice.

    Args:
        chain: what is done to the image first.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = tuple(chain)
        self.reach = tuple(3.0 if i == ROTATION else 0.0 for i in range(len(PARAMS)))

    def __call__(
        self, images: UInt8[Tensor, "N *T C H W"], generator: torch.Generator
    ) -> Drawn:
        """View k is turned by k quarters, counter-clockwise."""
        once = augment(images, self.chain, generator)
        views = tuple(torch.rot90(once.images, k, (-2, -1)) for k in range(4))
        params = once.params.unsqueeze(1).repeat(1, 4, 1)
        params[:, :, ROTATION] = torch.arange(4.0, device=params.device)
        return Drawn(views, 4, params)


@dataclass(frozen=True)
class OneView:
    """One random view of each image, for methods that compare with a memory."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """how it is made"""

    def build(self, image_shape: tuple[int, int, int]) -> ChainViews:
        """Build the maker."""
        return ChainViews([self.augment.chain(image_shape)], 1, image_shape)


@dataclass(frozen=True)
class TwoViews:
    """Two random views of each image, made alike."""

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """how both are made"""

    def build(self, image_shape: tuple[int, int, int]) -> ChainViews:
        """Build the maker."""
        return ChainViews([self.augment.chain(image_shape)] * 2, 2, image_shape)


@dataclass(frozen=True)
class UnlikeViews:
    """Two random views of each image, made in two ways (BYOL: blur and solarise)."""

    first: AugmentConfig = field(default_factory=AugmentConfig)
    """how the first is made"""
    second: AugmentConfig = field(default_factory=AugmentConfig)
    """how the second is made"""

    def build(self, image_shape: tuple[int, int, int]) -> ChainViews:
        """Build the maker."""
        both = (self.first, self.second)
        return ChainViews([x.chain(image_shape) for x in both], 2, image_shape)


@dataclass(frozen=True)
class MultiCrop:
    """Two large crops, and small ones that are no targets (SwAV, 2006.09882).

    Defaults are for small images; the paper has, on ImageNet, six crops of 5 to 14 % at
    96 pixels beside two of 14 % and more at 224.

    Small crops may be fewer pixels: then the encoder must accept any size, as those
    that pool their feature maps do.
    """

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """how all are made, the size of small crops apart"""
    num_small: int = 4
    """small crops of each image"""
    small: tuple[float, float] = (0.1, 0.3)
    """least and greatest share of the area that a small crop keeps"""
    side: float = 1.0
    """height and width of small crops, as shares of those of large ones"""

    def __post_init__(self) -> None:
        check_count("num_small", self.num_small, least=0)
        if not 0 < self.side <= 1:
            raise ValueError(f"side must be above 0 and at most 1, not {self.side}")
        checked_range("small", self.small)

    def build(self, image_shape: tuple[int, int, int]) -> ChainViews:
        """Build the maker."""
        height, width = (max(1, round(self.side * x)) for x in image_shape[1:])
        small = replace(self.augment, crop=self.small[0], most=self.small[1])
        large = self.augment.chain(image_shape)
        crops = [small.chain(image_shape, (height, width))] * self.num_small
        return ChainViews([large, large, *crops], 2, image_shape)


@dataclass(frozen=True)
class FourRotations:
    """Each image turned four ways (RotNet, 1803.07728)."""

    augment: AugmentConfig = field(default_factory=lambda: replace(shifted(), flip=0.5))
    """what is done to an image before it is turned"""

    def build(self, image_shape: tuple[int, int, int]) -> Rotations:
        """Build the maker.

        Raises:
            ValueError: images are not square.
        """
        height, width = image_shape[1:]
        if height != width:
            raise ValueError(
                f"images of {height}x{width} pixels cannot be turned by quarters and "
                "keep their shape; make them square first"
            )
        return Rotations(self.augment.chain(image_shape))


def reach_of(
    chains: Sequence[Chain], image_shape: tuple[int, int, int]
) -> tuple[float, ...]:
    """The greatest difference of each param between any two views, a chain for each."""
    each: list[Sequence[Range]] = [ranges(x, image_shape) for x in chains]
    pairs = list(permutations(each, 2))
    return tuple(
        max((one[i][1] - two[i][0] for one, two in pairs), default=0.0)
        for i in range(len(PARAMS))
    )
