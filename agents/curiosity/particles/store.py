"""States of all envs, every so many steps: a sample of what the run has seen."""

from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from agents.curiosity.particles.nearest import Particles
from ssl_objectives.distributed import gathered_rows, num_processes

_STORED = -1  # the origin of what was stored before this rollout


@final
class StateStore(nn.Module):
    """The newest rows of all envs, of every so many steps; in all processes alike.

    Args:
        num_envs: B, of this process.
        size: D.
        rows: that are kept of each env; 0: those of the rollout alone.
        every: so many steps one is kept, of all envs.
    """

    def __init__(self, num_envs: int, size: int, rows: int, every: int) -> None:
        super().__init__()
        envs = num_processes() * num_envs
        self.rows, self.every = rows, every
        self.register_buffer("states", torch.zeros(rows, envs, size))
        self.register_buffer("filled", torch.zeros(rows, dtype=torch.bool))
        self.states: Tensor  # the oldest first
        self.filled: Tensor

    @torch.no_grad()
    def with_rollout(self, arrived: Float32[Tensor, "T B D"]) -> Particles:
        """What is stored, and a rollout's own of every so many steps.

        State t of env b, of all processes, has the number `t B + b`.

        Args:
            arrived: states of rows 1 … T, of this process.
        """
        own = self._thinned(gathered_rows(arrived, 1))
        steps, envs, size = own.shape
        device = own.device
        number = torch.arange(steps, device=device).unsqueeze(1) * self.every * envs
        number = (number + torch.arange(envs, device=device)).flatten()
        old = self.filled.repeat_interleave(self.states.shape[1])
        return Particles(
            torch.cat([self.states.view(-1, size), own.flatten(0, 1)]),
            torch.cat([old, torch.ones_like(number, dtype=torch.bool)]),
            torch.cat([torch.full_like(old, _STORED, dtype=torch.int64), number]),
        )

    @torch.no_grad()
    def add(self, arrived: Float32[Tensor, "T B D"]) -> None:
        """Store a rollout's, over the oldest."""
        if not self.rows:
            return
        own = self._thinned(gathered_rows(arrived, 1))
        filled = torch.ones_like(own[:, 0, 0], dtype=torch.bool)
        self.states.copy_(torch.cat([self.states, own])[-self.rows :])
        self.filled.copy_(torch.cat([self.filled, filled])[-self.rows :])

    def _thinned(self, rows: Float32[Tensor, "T B D"]) -> Float32[Tensor, "t B D"]:
        return rows[:: self.every]
