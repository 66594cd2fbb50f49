"""An embedding that nothing trains: a random encoder."""

from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn

from agents.curiosity.sight import Eyes, encoder_of, sight_of
from envs.vector_env import EnvSpec


@final
class FrozenEmbedding(nn.Module):
    """`f(o)` of the newest frame, or the vector, by random weights.

    It is in evaluation mode for good.

    Args:
        encoder: is built and frozen; `sight` is what it reads.
        spec: of the worlds.
    """

    def __init__(self, encoder: Eyes, spec: EnvSpec) -> None:
        super().__init__()
        self.sight = sight_of(encoder, spec)
        self.encoder = encoder_of(encoder, spec).requires_grad_(False).eval()
        self.size = self.encoder.size

    def train(self, mode: bool = True) -> "FrozenEmbedding":
        """Stay as it is: what was stored must stay comparable."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, rows: Shaped[Tensor, "R B ..."]) -> Float32[Tensor, "R B D"]:
        """Embed what `sight` reads."""
        embedded: Tensor = self.encoder(rows)
        return embedded
