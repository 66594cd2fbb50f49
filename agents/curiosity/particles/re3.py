"""State entropy by a random encoder (RE3, arXiv 2102.09430)."""

from dataclasses import dataclass, field
from typing import final

import torch

from agents.curiosity.embeddings.frozen import FrozenEmbedding
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.particles.distances import Distances
from agents.curiosity.particles.store import StateStore
from agents.curiosity.scored import Scored
from agents.curiosity.sight import Eyes
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.encoders.cnn import NatureConfig


@final
class RandomEncoderEntropy(Curiosity):
    """`r_t = log(1 + ‖y_{t+1} - y_k‖)`, y_k the k-th nearest of y_{t+1}.

    y is what a frozen random encoder makes of a frame or a vector. Neighbours are of
    this rollout and of earlier ones, of all envs. Deviation: of both only every so many
    steps, so that the store reaches far back; the authors keep all.

    Args:
        embedding: y.
        distances: to the nearest.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(
        self, embedding: FrozenEmbedding, distances: Distances, scale: RewardScale
    ) -> None:
        super().__init__()
        self.embedding, self.distances, self.scale = embedding, distances, scale

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """By the distance of the k-th nearest, or of the furthest that there is."""
        traj, valid = scored.traj, scored.valid
        apart = self.distances(self.embedding(self.embedding.sight(traj)[1:]))
        furthest = apart.masked_fill(apart.isinf(), 0.0).amax(-1)
        raw = furthest.log1p().masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))


@dataclass(frozen=True)
class Re3Config:
    """Reward states far from their neighbours, seen by a random encoder (RE3)."""

    encoder: Eyes = field(default_factory=lambda: NatureConfig(64))
    """frozen; of the newest frame, or of the vector"""
    nearest: int = 3
    """k: which neighbour's distance is paid"""
    rows: int = 32
    """of each env that are stored"""
    every: int = 8
    """so many steps a row is stored"""

    def __post_init__(self) -> None:
        if self.nearest < 1 or self.every < 1 or self.rows < 0:
            raise ValueError(
                "nearest and every must be at least 1, and rows at least 0, not "
                f"{self.nearest}, {self.every}, {self.rows}"
            )

    def build(self, surroundings: Surroundings) -> RandomEncoderEntropy:
        """Build the signal."""
        spec = surroundings.spec
        embedding = FrozenEmbedding(self.encoder, spec)
        store = StateStore(spec.num_envs, embedding.size, self.rows, self.every)
        return RandomEncoderEntropy(
            embedding,
            Distances(store, self.nearest),
            ReturnStdScale(spec.num_envs, surroundings.discount),
        )
