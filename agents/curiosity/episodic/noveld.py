"""Novelty difference (NovelD, NeurIPS 2021): the border of what is known is paid."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from agents.curiosity.counts.counts import check_keys
from agents.curiosity.counts.keys import Keys
from agents.curiosity.counts.vector_keys import exact_keys
from agents.curiosity.episodic.visits import EpisodicVisits
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.rnd import RandomNetworkDistillation, RndConfig
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.sight import sight_of
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.objective import Loss


@final
class NoveltyDifference(Curiosity):
    """`r_t = max(n(o_{t+1}) - α n(o_t), 0) · 1[N_ep(o_{t+1}) = 0]`.

    n is the root of random network distillation's error, N_ep how often the episode
    has shown the very same frame, or vector, before.

    Args:
        novelty: measures n, and learns.
        keys: say which rows are the same.
        visits: N_ep.
        alpha: α.
        scale: of what is paid.
    """

    across_processes = True

    def __init__(
        self,
        novelty: RandomNetworkDistillation,
        keys: Keys,
        visits: EpisodicVisits,
        alpha: float,
        scale: RewardScale,
    ) -> None:
        super().__init__()
        self.novelty, self.keys, self.visits = novelty, keys, visits
        self.alpha, self.scale = alpha, scale
        self.warm_up_steps = novelty.warm_up_steps

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """Seed the statistics of what is whitened."""
        self.novelty.warm_up(obs, vector)

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """The gain in novelty, at first visits."""
        traj, valid = scored.traj, scored.valid
        novel = self.novelty.errors(traj).sqrt()
        keys = self.keys(self.keys.sight(traj))
        first_time = self.visits.along(keys, traj.first) == 0
        gain = (novel[1:] - self.alpha * novel[:-1]).clamp(min=0.0)
        raw = gain.masked_fill(~(valid & first_time), 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """Distillation."""
        return self.novelty.loss(learning)


@dataclass(frozen=True)
class NoveldConfig:
    """Reward steps into what is more novel than where they came from (NovelD)."""

    novelty: RndConfig = field(default_factory=RndConfig)
    """what measures novelty"""
    alpha: float = 0.5
    """share of the novelty left behind that is taken off"""
    rows: int = 1024
    """of an episode, among which a first visit is one"""
    cell: int = 1
    """side of the squares of pixels that are averaged, to tell what was visited"""
    levels: int = 256
    """of brightness that are told apart, likewise"""

    def __post_init__(self) -> None:
        if self.alpha < 0.0:
            raise ValueError(f"alpha must be at least 0, not {self.alpha}")
        check_keys(self.rows, self.cell, self.levels)

    def build(self, surroundings: Surroundings) -> NoveltyDifference:
        """Build the signal.

        Raises:
            ValueError: cells, or the encoder, are too large for the frame.
        """
        spec = surroundings.spec
        sight = sight_of(self.novelty.encoder, spec)
        return NoveltyDifference(
            self.novelty.build(surroundings),
            exact_keys(sight, self.cell, self.levels),
            EpisodicVisits(spec.num_envs, self.rows),
            self.alpha,
            ReturnStdScale(spec.num_envs, surroundings.discount),
        )
