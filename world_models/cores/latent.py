"""The core that adds nothing: the belief is the latent itself."""

from dataclasses import dataclass
from typing import final

from jaxtyping import Bool, Float32
from torch import Tensor

from ssl_objectives.counts import check_count
from world_models.cores.core import BeliefCore


@final
class LatentCore(BeliefCore):
    """Belief = latent of the last stacked frames, as in JEPA (arXiv 2211.10831).

    What the open loop begins with is then what it predicts, and no half of it is cut
    off by a ReLU as in `FeedForwardCore`, which policies read.
    """

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
        """Pass latents on."""
        return latent, memory


@dataclass(frozen=True)
class LatentCoreConfig:
    """Remember the last few frames (feed-forward); the belief is their latent."""

    num_frames: int = 1
    """frames the encoder sees at once"""

    def __post_init__(self) -> None:
        check_count("num_frames", self.num_frames)

    def build(self, latent_size: int, action_size: int) -> LatentCore:
        """Build the core."""
        return LatentCore(latent_size)
