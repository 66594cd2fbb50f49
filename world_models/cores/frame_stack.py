"""The feed-forward core: the belief is made of the latents of stacked frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from ssl_objectives.counts import check_count
from world_models.cores.core import BeliefCore


class FeedForwardCore(BeliefCore):
    """Belief = ReLU of the latent: no memory beyond the stacked frames.

    Args:
        latent_size: D.
        hidden: sizes of further layers behind it, each a linear map and a ReLU; the
            last is that of the belief.
    """

    memory_size = 0

    def __init__(self, latent_size: int, hidden: Sequence[int] = ()) -> None:
        super().__init__()
        sizes = (latent_size, *hidden)
        self.size = sizes[-1]
        self.layers = nn.Sequential()
        for inputs, outputs in pairwise(sizes):
            linear = nn.Linear(inputs, outputs)
            nn.init.orthogonal_(linear.weight, 2**0.5)
            nn.init.zeros_(linear.bias)
            self.layers.extend((linear, nn.ReLU()))

    def forward(
        self,
        latent: Float32[Tensor, "T B D"],
        action: Float32[Tensor, "T B E"],
        first: Bool[Tensor, "T B"],
        memory: Float32[Tensor, "B M"],
    ) -> tuple[Float32[Tensor, "T B S"], Float32[Tensor, "B M"]]:
        """Pass latents through a ReLU, and through the layers behind it."""
        belief: Tensor = self.layers(torch.relu(latent))
        return belief, memory


@dataclass(frozen=True)
class FrameStackConfig:
    """Remember the last few frames and nothing else (feed-forward)."""

    num_frames: int = 4
    """frames the encoder sees at once"""
    hidden: tuple[int, ...] = ()
    """sizes of layers between latent and belief, for an encoder that stays as it is"""

    def __post_init__(self) -> None:
        check_count("num_frames", self.num_frames)
        for x in self.hidden:
            check_count("hidden", x)

    def build(self, latent_size: int, action_size: int) -> FeedForwardCore:
        """Build the core."""
        return FeedForwardCore(latent_size, self.hidden)
