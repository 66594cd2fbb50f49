"""Views that are frames of one episode: a frame, and the one some steps later."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import UInt8
from torch import Tensor

from ssl_objectives.views.augment.augmentation import augment
from ssl_objectives.views.augment.preset import AugmentConfig, shifted
from ssl_objectives.views.maker import Chain, Drawn, ViewMaker, reach_of


class Successive(ViewMaker):
    """Two views of a clip of two frames: one of each, with a draw of its own.

    Args:
        chain: how each frame is changed.
        apart: steps between the two.
        order: which frame is which view; (0, 1) is the order of time.
        num_targets: how many views, from the first, are also targets.
        image_shape: (C, H, W) of the frames.
    """

    def __init__(
        self,
        chain: Chain,
        apart: int,
        order: Sequence[int],
        num_targets: int,
        image_shape: tuple[int, int, int],
    ) -> None:
        self.chain, self.order = tuple(chain), tuple(order)
        self.apart, self.num_targets = apart, num_targets
        self.reach = reach_of([self.chain] * len(self.order), image_shape)

    def __call__(
        self, images: UInt8[Tensor, "N *two C H W"], generator: torch.Generator
    ) -> Drawn:
        """Draw the frame that is the first view, then the other one.

        Raises:
            ValueError: these are no clips of two frames.
        """
        if images.dim() != 5 or images.shape[1] != 2:
            raise ValueError(
                "views of frames that follow each other need clips [N, 2, C, H, W], as "
                f"ImageSource.pairs gives them, not {tuple(images.shape)}"
            )
        made = [augment(images[:, x], self.chain, generator) for x in self.order]
        params = torch.stack([x.params for x in made], 1)
        return Drawn(tuple(x.images for x in made), self.num_targets, params)


@dataclass(frozen=True)
class SuccessiveViews:
    """A frame and a later one of its episode, in this order; both are targets.

    Anything that compares two views then learns what stays over so many steps. ST-DIM
    (1906.08226) has neighbours, and no augmentation (`augment.shift` 0).
    """

    apart: int = 1
    """steps from one to the other, in an episode of recorded images"""
    augment: AugmentConfig = field(default_factory=shifted)
    """how each of them is changed, by a draw of its own"""

    def __post_init__(self) -> None:
        _check_apart(self.apart)

    def build(self, image_shape: tuple[int, int, int]) -> Successive:
        """Build the maker."""
        chain = self.augment.chain(image_shape)
        return Successive(chain, self.apart, (0, 1), 2, image_shape)


@dataclass(frozen=True)
class LaterTarget:
    """A frame and a later one, which alone is a target: the past predicts the future.

    The later frame is the first view, since targets are the first views.
    """

    apart: int = 3
    """steps from one to the other, in an episode of recorded images"""
    augment: AugmentConfig = field(default_factory=shifted)
    """how each of them is changed, by a draw of its own"""

    def __post_init__(self) -> None:
        _check_apart(self.apart)

    def build(self, image_shape: tuple[int, int, int]) -> Successive:
        """Build the maker."""
        chain = self.augment.chain(image_shape)
        return Successive(chain, self.apart, (1, 0), 1, image_shape)


def _check_apart(apart: int) -> None:
    """Refuse frames that do not follow each other.

    Raises:
        ValueError: they would be the same one, or in the other order.
    """
    if apart < 1:
        raise ValueError(f"apart must be at least 1, not {apart}")
