"""Where the random numbers of planners come from."""

from typing import Protocol, final, runtime_checkable

import torch
from jaxtyping import Float32
from torch import Tensor


@runtime_checkable
class Draws(Protocol):
    """Gives random numbers of any shape; envs lie along the second axis of each.

    So numbers can be told apart by env: whoever plans for some of the envs with their
    slices of what was drawn for all plans what was planned for them among all.
    """

    def normal(self, *shape: int) -> Float32[Tensor, "..."]:
        """Of mean 0 and std 1."""

    def uniform(self, *shape: int) -> Float32[Tensor, "..."]:
        """In [0, 1)."""


@final
class SeededDraws:
    """Draws from a generator of its own, on a device.

    Args:
        seed: of the draws.
        device: where they lie.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.generator = torch.Generator(device).manual_seed(seed)

    def normal(self, *shape: int) -> Float32[Tensor, "..."]:
        """See `Draws`."""
        return torch.randn(
            *shape, generator=self.generator, device=self.generator.device
        )

    def uniform(self, *shape: int) -> Float32[Tensor, "..."]:
        """See `Draws`."""
        return torch.rand(
            *shape, generator=self.generator, device=self.generator.device
        )
