"""The recurrent core: a GRU over latents and previous actions."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from ssl_objectives.counts import check_count
from world_models.cores.core import BeliefCore
from world_models.cores.gru_cell import GruCell


class RecurrentCore(BeliefCore):
    """Closed-loop GRU: `b_t = h(b_{t-1}, ω_t, a_{t-1})` (arXiv 2206.08332)."""

    def __init__(self, latent_size: int, action_size: int, size: int = 256) -> None:
        super().__init__()
        self.size = self.memory_size = size
        self.cell = GruCell(latent_size + action_size, size)

    def forward(
        self,
        latent: Float32[Tensor, "T B D"],
        action: Float32[Tensor, "T B E"],
        first: Bool[Tensor, "T B"],
        memory: Float32[Tensor, "B M"],
    ) -> tuple[Float32[Tensor, "T B S"], Float32[Tensor, "B M"]]:
        """Run the GRU over the rows, from zero wherever an episode begins."""
        gates = self.cell.gates(torch.cat([latent, action], -1))
        keep = (~first).unsqueeze(-1).to(memory.dtype)
        beliefs = self.cell.along(gates, memory, keep)
        return beliefs, beliefs[-1]


@dataclass(frozen=True)
class RecurrentConfig:
    """Remember with a GRU over single frames and previous actions."""

    size: int = 256
    """S, units of the GRU"""
    num_frames: int = 1
    """frames the encoder sees at once"""

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be at least 1, not {self.size}")
        check_count("num_frames", self.num_frames)

    def build(self, latent_size: int, action_size: int) -> RecurrentCore:
        """Build the core."""
        return RecurrentCore(latent_size, action_size, self.size)
