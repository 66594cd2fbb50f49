"""The feed-forward core: the belief is the latent of the last stacked frames."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from ssl_objectives.counts import check_count
from world_models.cores.core import BeliefCore


class FeedForwardCore(BeliefCore):
    """Belief = ReLU of the latent: no memory beyond the stacked frames."""

    memory_size = 0

    def __init__(self, latent_size: int) -> None:
        super().__init__()
        self.size = latent_size

    def forward(
        self,
        latent: Float32[Tensor, "T B D"],
        action: Float32[Tensor, "T B E"],
        first: Bool[Tensor, "T B"],
        memory: Float32[Tensor, "B M"],
    ) -> tuple[Float32[Tensor, "T B S"], Float32[Tensor, "B M"]]:
        """Pass latents through a ReLU."""
        return torch.relu(latent), memory


@dataclass(frozen=True)
class FrameStackConfig:
    """Remember the last few frames and nothing else (feed-forward)."""

    num_frames: int = 4
    """frames the encoder sees at once"""

    def __post_init__(self) -> None:
        check_count("num_frames", self.num_frames)

    def build(self, latent_size: int, action_size: int) -> FeedForwardCore:
        """Build the core."""
        return FeedForwardCore(latent_size)
