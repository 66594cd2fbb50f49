"""Exploration via elliptical episodic bonuses (E3B, arXiv 2210.05805)."""

from dataclasses import dataclass, field
from typing import final

import torch

from agents.curiosity.embeddings.inverse import InverseEmbedding
from agents.curiosity.embeddings.means import mean_loss
from agents.curiosity.episodic.ellipsoid import EpisodicEllipsoid
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.sight import Eyes
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.objective import Loss


@final
class Elliptical(Curiosity):
    """`r_t = φ(o_{t+1})ᵀ C_t⁻¹ φ(o_{t+1})`, φ by inverse dynamics.

    `C_t = λ I + Σ φ(o_i) φ(o_i)ᵀ` over the rows of the episode up to t: counts of an
    episode, for states that are vectors. What is remembered was embedded when it was
    seen, though φ learns on.

    Args:
        embedding: φ.
        memory: C⁻¹ of each env.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(
        self,
        embedding: InverseEmbedding,
        memory: EpisodicEllipsoid,
        scale: RewardScale,
    ) -> None:
        super().__init__()
        self.embedding, self.memory, self.scale = embedding, memory, scale

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """How far every row arrived at lies outside of its episode."""
        traj, valid = scored.traj, scored.valid
        raw = self.memory.along(self.embedding(self.embedding.sight(traj)), traj.first)
        raw = raw.masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """Inverse dynamics, on valid transitions."""
        traj = learning.traj
        embedded = self.embedding(self.embedding.sight(traj))
        error = self.embedding.error(embedded, traj.action)
        return mean_loss(error, traj.valid)


@dataclass(frozen=True)
class E3bConfig:
    """Reward states unlike those of the episode, by an ellipsoid around these (E3B)."""

    encoder: Eyes = field(default_factory=lambda: NatureConfig(128))
    """of the embedding; its size is that of the ellipsoid"""
    hidden: int = 256
    """units of the head that tells the action"""
    ridge: float = 0.1
    """λ: what an episode begins with, in every direction"""

    def __post_init__(self) -> None:
        if self.hidden < 1:
            raise ValueError(f"hidden must be at least 1, not {self.hidden}")
        if not self.ridge > 0.0:
            raise ValueError(f"ridge must be above 0, not {self.ridge}")

    def build(self, surroundings: Surroundings) -> Elliptical:
        """Build the signal."""
        spec = surroundings.spec
        embedding = InverseEmbedding(spec, self.encoder, self.hidden)
        memory = EpisodicEllipsoid(spec.num_envs, embedding.size, self.ridge)
        scale = ReturnStdScale(spec.num_envs, surroundings.discount)
        return Elliptical(embedding, memory, scale)
