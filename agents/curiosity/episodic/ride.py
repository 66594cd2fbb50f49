"""Rewarding impact-driven exploration (RIDE, arXiv 2002.12292)."""

from dataclasses import dataclass, field
from typing import final

import torch

from agents.curiosity.counts.counts import check_keys
from agents.curiosity.counts.keys import Keys
from agents.curiosity.counts.vector_keys import exact_keys
from agents.curiosity.embeddings.dynamics import Dynamics, DynamicsConfig
from agents.curiosity.episodic.visits import EpisodicVisits
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.sight import sight_of
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.objective import Loss


@final
class ImpactDriven(Curiosity):
    """`r_t = ‖φ(o_{t+1}) - φ(o_t)‖ / √N_ep(o_{t+1})`, φ by both dynamics.

    N_ep is how often the episode has shown the very same frame, or vector, this time
    included.

    Args:
        dynamics: φ, forward and inverse.
        keys: say which rows are the same.
        visits: of the episode.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(
        self,
        dynamics: Dynamics,
        keys: Keys,
        visits: EpisodicVisits,
        scale: RewardScale,
    ) -> None:
        super().__init__()
        self.dynamics, self.keys, self.visits = dynamics, keys, visits
        self.scale = scale

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """How much a step has changed, and how often it came to that."""
        traj, valid = scored.traj, scored.valid
        embedding = self.dynamics.embedding
        embedded = embedding(embedding.sight(traj))
        impact = (embedded[1:] - embedded[:-1]).square().sum(-1).sqrt()
        keys = self.keys(self.keys.sight(traj))
        times = 1 + self.visits.along(keys, traj.first)
        raw = (impact / times.float().sqrt()).masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """Of both dynamics."""
        return self.dynamics.loss(learning.traj)


@dataclass(frozen=True)
class RideConfig:
    """Reward steps that change much of what the agent can change (RIDE)."""

    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    """the embedding, and its two dynamics"""
    rows: int = 1024
    """of an episode, in which visits are counted"""
    cell: int = 1
    """side of the squares of pixels that are averaged, to tell what was visited"""
    levels: int = 256
    """of brightness that are told apart, likewise"""

    def __post_init__(self) -> None:
        check_keys(self.rows, self.cell, self.levels)

    def build(self, surroundings: Surroundings) -> ImpactDriven:
        """Build the signal.

        Raises:
            ValueError: cells, or the encoder, are too large for the frame.
        """
        spec = surroundings.spec
        sight = sight_of(self.dynamics.encoder, spec)
        return ImpactDriven(
            self.dynamics.build(spec),
            exact_keys(sight, self.cell, self.levels),
            EpisodicVisits(spec.num_envs, self.rows),
            ReturnStdScale(spec.num_envs, surroundings.discount),
        )
