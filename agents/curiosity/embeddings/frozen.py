"""An embedding that nothing trains: a random encoder."""

from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from ssl_objectives.encoders.encoder import EncoderConfig


@final
class FrozenEmbedding(nn.Module):
    """`f(o)` of the newest frame, by random weights, in evaluation mode for good.

    Args:
        encoder: is built and frozen.
        obs_shape: (C, H, W).
    """

    def __init__(self, encoder: EncoderConfig, obs_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.encoder = encoder.build(obs_shape).requires_grad_(False).eval()
        self.size = self.encoder.size

    def train(self, mode: bool = True) -> "FrozenEmbedding":
        """Stay as it is: what was stored must stay comparable."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, obs: UInt8[Tensor, "R B C H W"]) -> Float32[Tensor, "R B D"]:
        """Embed frames."""
        embedded: Tensor = self.encoder(obs)
        return embedded
