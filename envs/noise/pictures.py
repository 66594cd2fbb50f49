"""What is on TV: fresh pixels, one of a few channels, one picture for ever, nothing."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import UInt8
from torch import Tensor

Shape = tuple[int, int, int]
"""(C, h, w) of the part of the frame that the TV covers"""


class Picture(ABC):
    """Draws pictures, as many as there are envs.

    Attributes:
        changes: whether a draw gives another picture than the one before.
    """

    changes: bool

    @abstractmethod
    def draw(
        self, num_envs: int, generator: torch.Generator
    ) -> UInt8[Tensor, "B C h w"]:
        """Pictures, on the generator's device."""


@final
class FreshPixels(Picture):
    """Each byte by itself, from 0 to 255."""

    changes = True

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def draw(
        self, num_envs: int, generator: torch.Generator
    ) -> UInt8[Tensor, "B C h w"]:
        """Pictures that were never seen."""
        shape = (num_envs, *self._shape)
        drawn = torch.empty(shape, dtype=torch.uint8, device=generator.device)
        return drawn.random_(0, 256, generator=generator)


@final
class Channels(Picture):
    """One of P pictures."""

    changes = True

    def __init__(self, pictures: UInt8[Tensor, "P C h w"]) -> None:
        self._pictures = pictures

    def draw(
        self, num_envs: int, generator: torch.Generator
    ) -> UInt8[Tensor, "B C h w"]:
        """One for each env, each as likely as any other."""
        which = torch.randint(
            len(self._pictures),
            (num_envs,),
            generator=generator,
            device=generator.device,
        )
        return self._pictures[which]


@final
class Still(Picture):
    """The same picture, everywhere and for ever."""

    changes = False

    def __init__(self, picture: UInt8[Tensor, "C h w"]) -> None:
        self._picture = picture

    def draw(
        self, num_envs: int, generator: torch.Generator
    ) -> UInt8[Tensor, "B C h w"]:
        """Copies of it."""
        return self._picture.repeat(num_envs, 1, 1, 1)


@runtime_checkable
class PictureConfig(Protocol):
    """Says what is on TV."""

    def build(self, shape: Shape, device: torch.device) -> Picture:
        """Pictures of that shape."""


@final
@dataclass(frozen=True)
class FreshPixelsConfig:
    """Each byte by itself."""

    def build(self, shape: Shape, device: torch.device) -> FreshPixels:
        """See `PictureConfig.build`."""
        return FreshPixels(shape)


@final
@dataclass(frozen=True)
class ChannelsConfig:
    """A few pictures of fixed pixels, the same in all envs and runs."""

    channels: int = 8
    """how many there are"""
    seed: int = 0
    """of their pixels"""

    def __post_init__(self) -> None:
        if self.channels < 2:
            raise ValueError(f"channels must be at least 2, not {self.channels}")

    def build(self, shape: Shape, device: torch.device) -> Channels:
        """See `PictureConfig.build`."""
        return Channels(_fixed(self.channels, shape, self.seed).to(device))


@final
@dataclass(frozen=True)
class StillConfig:
    """One picture of fixed pixels, the same in all envs and runs."""

    seed: int = 0
    """of its pixels"""

    def build(self, shape: Shape, device: torch.device) -> Still:
        """See `PictureConfig.build`."""
        return Still(_fixed(1, shape, self.seed)[0].to(device))


@final
@dataclass(frozen=True)
class NoPictureConfig:
    """No picture, and nothing of the frame covered."""

    def build(self, shape: Shape, device: torch.device) -> Still:
        """A picture of no size."""
        nothing = torch.zeros(shape[0], 0, 0, dtype=torch.uint8, device=device)
        return Still(nothing)


def _fixed(number: int, shape: Shape, seed: int) -> UInt8[Tensor, "P C h w"]:
    """Drawn on the CPU, so that every device has the same ones."""
    generator = torch.Generator().manual_seed(seed)
    return FreshPixels(shape).draw(number, generator)
