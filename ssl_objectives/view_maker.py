"""Views: several changed copies of each image of a batch."""

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


class Drawn(NamedTuple):
    """Views of N images.

    Attributes:
        images: one batch per view; small crops may be smaller.
        num_targets: how many of them, from the first, are also targets.
        params: how each view was made; columns as in `augment_params.PARAMS`.
    """

    images: tuple[UInt8[Tensor, "N *T C _ _"], ...]
    num_targets: int
    params: Float[Tensor, "N V P"]


class ViewMaker(ABC):
    """Makes views of a batch, on the device where the batch is."""

    @abstractmethod
    def __call__(
        self, images: UInt8[Tensor, "N *T C H W"], generator: torch.Generator
    ) -> Drawn:
        """Draw views of images, or of clips of T frames.

        Equal states of the generator give equal views; each clip has one draw for all
        of its frames.
        """


@runtime_checkable
class ViewsConfig(Protocol):
    """Describes how views are made: a dataclass whose fields are its settings."""

    def build(self, image_shape: tuple[int, int, int]) -> ViewMaker:
        """Build the maker for images of shape (C, H, W).

        Raises:
            ValueError: it cannot be used with such images.
        """
