"""Backgrounds before which dots move: noise, textures, images."""

from enum import Enum
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from envs.toys.dots import PIXELS
from envs.toys.textures import Textures


@runtime_checkable
class Backgrounds(Protocol):
    """Where backgrounds come from."""

    def draw(
        self, num: int, generator: torch.Generator
    ) -> Float32[Tensor, "num 28 28"]:
        """Independent backgrounds within [0, 1], on the generator's device."""


@final
class UniformNoise:
    """Every pixel is uniform in [0, 1], whatever its neighbours are."""

    def draw(
        self, num: int, generator: torch.Generator
    ) -> Float32[Tensor, "num 28 28"]:
        """See `Backgrounds.draw`."""
        shape = (num, PIXELS, PIXELS)
        return torch.rand(shape, generator=generator, device=generator.device)


@final
class ImageBackgrounds:
    """Images from outside, each as often as any other.

    Args:
        images: grey ones, on the device of the world; Fashion-MNIST's have this size.
    """

    def __init__(self, images: UInt8[Tensor, "images 1 28 28"]) -> None:
        self._images = images[:, 0]

    def draw(
        self, num: int, generator: torch.Generator
    ) -> Float32[Tensor, "num 28 28"]:
        """See `Backgrounds.draw`."""
        number = torch.randint(
            len(self._images), (num,), generator=generator, device=generator.device
        )
        return self._images[number] / 255


class NamedBackgrounds(Enum):
    """Backgrounds to choose by name, on the command line and in configurations.

    They are ours; the paper's structured ones are photographs (CIFAR-10).
    """

    UNIFORM = "uniform"
    TEXTURES = "textures"

    @property
    def source(self) -> Backgrounds:
        """The backgrounds of that name."""
        return _NAMED[self]


_NAMED: dict[NamedBackgrounds, Backgrounds] = {
    NamedBackgrounds.UNIFORM: UniformNoise(),
    NamedBackgrounds.TEXTURES: Textures(),
}
