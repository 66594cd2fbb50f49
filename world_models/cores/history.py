"""The core that remembers the last few latents as they were."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from ssl_objectives.counts import check_count
from world_models.cores.core import BeliefCore


@final
class HistoryCore(BeliefCore):
    """Belief = the latents of the last n rows, newest first, and which are there.

    `[ω_t, ω_{t-1}, …, ω_{t-n+1}, 1, h_1, …, h_{n-1}]`; `h_j` is 1 where row t-j is of
    the same episode, and otherwise it and that latent are 0.

    Args:
        latent_size: D.
        num_rows: n.
    """

    def __init__(self, latent_size: int, num_rows: int) -> None:
        super().__init__()
        self.num_rows, self.latent_size = num_rows, latent_size
        self.size = num_rows * (latent_size + 1)
        # rows before the next, newest last, each behind whether it is there
        self.memory_size = (num_rows - 1) * (latent_size + 1)

    def forward(
        self,
        latent: Float32[Tensor, "T B D"],
        action: Float32[Tensor, "T B E"],
        first: Bool[Tensor, "T B"],
        memory: Float32[Tensor, "B M"],
    ) -> tuple[Float32[Tensor, "T B S"], Float32[Tensor, "B M"]]:
        """Look back from every row at once."""
        steps, envs, _ = latent.shape
        back = self.num_rows - 1
        here = torch.cat([latent.new_ones(steps, envs, 1), latent], -1)
        past = memory.view(envs, back, self.latent_size + 1).transpose(0, 1)
        rows = torch.cat([past, here])
        kept, seen = latent.new_ones(steps, envs, 1), [here]
        for j in range(1, self.num_rows):
            # row t-j counts while no episode began in rows t-j+1 … t
            began = torch.zeros_like(first)
            began[j - 1 :] = first[: max(0, steps - j + 1)]
            kept = kept * (~began).unsqueeze(-1)
            seen.append(rows[back - j : back - j + steps] * kept)
        belief = torch.cat(
            [*(x[..., 1:] for x in seen), *(x[..., :1] for x in seen)], -1
        )
        # what precedes the next row: this last one and what it still remembers
        last = [x[-1] for x in seen[:back]][::-1]
        after = torch.cat(last, -1) if last else memory
        return belief, after


@dataclass(frozen=True)
class HistoryConfig:
    """Remember the latents of the last few rows as they were, without learning."""

    num_rows: int = 4
    """n, rows that are remembered, with the newest"""

    num_frames = 1

    def __post_init__(self) -> None:
        check_count("num_rows", self.num_rows)

    def build(self, latent_size: int, action_size: int) -> HistoryCore:
        """Build the core."""
        return HistoryCore(latent_size, self.num_rows)
