"""A rollout's distances to its nearest states, and to earlier ones."""

from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from agents.curiosity.particles.nearest import nearest_distances
from agents.curiosity.particles.store import StateStore
from ssl_objectives.distributed import num_processes, rank


@final
class Distances(nn.Module):
    """To the k nearest states of a rollout and of a store, which it adds itself to.

    Args:
        store: of earlier states.
        nearest: k.
    """

    def __init__(self, store: StateStore, nearest: int) -> None:
        super().__init__()
        self.store, self.nearest = store, nearest

    @torch.no_grad()
    def forward(self, arrived: Float32[Tensor, "T B D"]) -> Float32[Tensor, "T B k"]:
        """Of states of rows 1 … T, nearest first; infinite where there are fewer."""
        steps, envs = arrived.shape[:2]
        device = arrived.device
        number = torch.arange(steps, device=device).unsqueeze(1) * num_processes()
        number = (number + rank()) * envs + torch.arange(envs, device=device)
        particles = self.store.with_rollout(arrived)
        found = nearest_distances(
            arrived.flatten(0, 1), number.flatten(), particles, self.nearest
        )
        self.store.add(arrived)
        return found.view(steps, envs, -1)
