"""Active pre-training by particle entropy (APT, arXiv 2103.04551)."""

from dataclasses import dataclass, field
from typing import final

import torch

from agents.curiosity.embeddings.dynamics import Dynamics, DynamicsConfig
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.particles.distances import Distances
from agents.curiosity.particles.store import StateStore
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.objective import Loss


@final
class ParticleEntropy(Curiosity):
    """`r_t = log(1 + mean_j ‖z_{t+1} - z_j‖)`, j the k nearest of the same rollout.

    All are embedded by the weights of now. Deviation: z is learned by forward and
    inverse dynamics, as in the code of URLB, in place of the paper's contrast.

    Args:
        dynamics: z, and what teaches it.
        distances: to the nearest.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(
        self, dynamics: Dynamics, distances: Distances, scale: RewardScale
    ) -> None:
        super().__init__()
        self.dynamics, self.distances, self.scale = dynamics, distances, scale

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """By the mean distance of the neighbours that there are."""
        traj, valid = scored.traj, scored.valid
        embedding = self.dynamics.embedding
        apart = self.distances(embedding(embedding.sight(traj)[1:]))
        there = apart.isfinite()
        total = apart.masked_fill(~there, 0.0).sum(-1)
        mean = total / there.sum(-1).clamp(min=1)
        raw = mean.log1p().masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """Of both dynamics."""
        return self.dynamics.loss(learning.traj)


@dataclass(frozen=True)
class AptConfig:
    """Reward states far from their neighbours, in a learned embedding (APT)."""

    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    """the embedding, and its two dynamics"""
    nearest: int = 12
    """k: neighbours whose distances are averaged"""
    every: int = 8
    """so many steps of the rollout give neighbours, of all envs"""

    def __post_init__(self) -> None:
        if self.nearest < 1 or self.every < 1:
            raise ValueError(
                "nearest and every must be at least 1, not "
                f"{self.nearest}, {self.every}"
            )

    def build(self, surroundings: Surroundings) -> ParticleEntropy:
        """Build the signal."""
        spec = surroundings.spec
        dynamics = self.dynamics.build(spec)
        size = dynamics.embedding.size
        store = StateStore(spec.num_envs, size, 0, self.every)
        scale = ReturnStdScale(spec.num_envs, surroundings.discount)
        return ParticleEntropy(dynamics, Distances(store, self.nearest), scale)
