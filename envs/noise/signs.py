"""Where zero-mean layers have their signs from: fresh ones, or a few fixed patterns."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Int8
from torch import Tensor


class Signs(ABC):
    """Draws a sign for each of the N numbers that an env shows."""

    @abstractmethod
    def draw(self, num_envs: int, generator: torch.Generator) -> Int8[Tensor, "B N"]:
        """-1 or 1, on the generator's device."""


@final
class FreshSigns(Signs):
    """Every sign by a coin of its own."""

    def __init__(self, size: int) -> None:
        self._size = size

    def draw(self, num_envs: int, generator: torch.Generator) -> Int8[Tensor, "B N"]:
        """Signs that were never seen."""
        coins = torch.empty(
            (num_envs, self._size), dtype=torch.int8, device=generator.device
        ).random_(0, 2, generator=generator)
        return coins.mul_(2).sub_(1)


@final
class FixedSigns(Signs):
    """One of P patterns, each as likely as any other."""

    def __init__(self, patterns: Int8[Tensor, "P N"]) -> None:
        self._patterns = patterns

    def draw(self, num_envs: int, generator: torch.Generator) -> Int8[Tensor, "B N"]:
        """A pattern for each env."""
        which = torch.randint(
            len(self._patterns),
            (num_envs,),
            generator=generator,
            device=generator.device,
        )
        return self._patterns[which]


@runtime_checkable
class SignsConfig(Protocol):
    """Says where signs come from."""

    def build(self, size: int, device: torch.device) -> Signs:
        """Signs for N = `size` numbers."""


@final
@dataclass(frozen=True)
class FreshSignsConfig:
    """Every sign by a coin of its own."""

    def build(self, size: int, device: torch.device) -> FreshSigns:
        """See `SignsConfig.build`."""
        return FreshSigns(size)


@final
@dataclass(frozen=True)
class FixedSignsConfig:
    """A few patterns, the same in all envs and runs."""

    patterns: int = 8
    """how many there are"""
    seed: int = 0
    """of the coins that made them"""

    def __post_init__(self) -> None:
        if self.patterns < 1:
            raise ValueError(f"patterns must be at least 1, not {self.patterns}")

    def build(self, size: int, device: torch.device) -> FixedSigns:
        """See `SignsConfig.build`."""
        # On the CPU, so that every device has the same ones.
        generator = torch.Generator().manual_seed(self.seed)
        drawn = FreshSigns(size).draw(self.patterns, generator)
        return FixedSigns(drawn.to(device))
