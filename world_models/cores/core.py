"""The contract of belief cores: from latents to beliefs, row by row."""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float32
from torch import Tensor, nn


class BeliefCore(nn.Module, ABC):
    """The core: turns latents and previous actions into beliefs, row by row."""

    size: int
    memory_size: int

    @abstractmethod
    def forward(
        self,
        latent: Float32[Tensor, "T B D"],
        action: Float32[Tensor, "T B E"],
        first: Bool[Tensor, "T B"],
        memory: Float32[Tensor, "B M"],
    ) -> tuple[Float32[Tensor, "T B S"], Float32[Tensor, "B M"]]:
        """Beliefs of all rows, and the memory after the last of them.

        Memory is zeroed at rows with `first`; `action` arrives zeroed there.
        """


@runtime_checkable
class CoreConfig(Protocol):
    """Describes a core: what an agent remembers, and how many frames it stacks."""

    @property
    def num_frames(self) -> int:
        """Frames the encoder sees at once, stacked as channels."""

    def build(self, latent_size: int, action_size: int) -> BeliefCore:
        """Build the core.

        Args:
            latent_size: D, of the latents that it reads row by row.
            action_size: E, of the embedding of the action before.
        """
