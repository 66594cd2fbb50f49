"""Rewards by the distance to where demonstrations ended, in features or embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from agents.rewards.demonstration import Demonstration, features_of
from agents.rewards.reward_model import RewardModel
from agents.rewards.selection import Standard
from agents.rewards.temporal.learning import EmbeddingConfig
from agents.rewards.temporal.temporal_loss import TemporalLoss
from agents.rewards.temporal.time_contrast import TimeContrast
from ssl_objectives.encoders.depths import Depths
from ssl_objectives.encoders.encoder import Encoder


@final
class DistanceToGoal(RewardModel):
    """`R(s) = max(0, 1 - ‖e(s) - g‖ / κ)`, g the mean embedding of last frames.

    κ is the distance of that frame of the demonstrations which is furthest from g: so R
    is 1 at g, and 0 from there on (as XIRL, arXiv 2106.03911, but for the 1 and the
    floor). e is an embedding of the encoder's standardised features, or these.

    Args:
        depths: what is seen in a frame.
        network: e, from all features; without gradient once it has learned.
        size: E, numbers of the embedding.
    """

    def __init__(self, depths: Depths, network: nn.Module, size: int) -> None:
        super().__init__(depths)
        self.network = network
        self.register_buffer("centre", torch.zeros(depths.size))
        self.register_buffer("unit", torch.ones(depths.size))
        self.register_buffer("live", torch.zeros(depths.size, dtype=torch.bool))
        self.register_buffer("goal", torch.zeros(size))
        self.register_buffer("away", torch.ones(()))
        self.centre: Tensor
        self.unit: Tensor
        self.live: Tensor
        self.goal: Tensor
        self.away: Tensor

    @torch.no_grad()
    def forward(self, obs: UInt8[Tensor, "*batch C H W"]) -> Float32[Tensor, "*batch"]:
        """R, from 0 to 1."""
        embedded: Tensor = self.network(self.standard(self.depths(obs)))
        far = (embedded - self.goal).norm(dim=-1) / self.away
        reward: Tensor = (1.0 - far).clamp(min=0.0)
        return reward

    @property
    def standard(self) -> Standard:
        """How features are standardised."""
        return Standard(self.centre, self.unit, self.live)

    def standardise(
        self, features: Sequence[Float32[Tensor, "_ F"]]
    ) -> list[Float32[Tensor, "_ F"]]:
        """Learn how, and do it.

        Raises:
            ConfigError: no feature changes.
        """
        standard = Standard.of(features)
        self.centre.copy_(standard.mean)
        self.unit.copy_(standard.spread)
        self.live.copy_(standard.live)
        return [standard(x) for x in features]

    @torch.no_grad()
    def aim(self, features: Sequence[Float32[Tensor, "_ F"]]) -> None:
        """Learn where demonstrations end, from their standardised features."""
        self.goal.copy_(torch.stack([self.network(x[-1]) for x in features]).mean(0))
        far = [(self.network(x) - self.goal).norm(dim=-1).max() for x in features]
        self.away.copy_(torch.stack(far).max().clamp(min=1e-6))


@dataclass(frozen=True)
class DistanceToGoalConfig:
    """Distance to the last frames, in the encoder's standardised features."""

    def build(self, encoder: Encoder) -> DistanceToGoal:
        """One that has learned nothing, to be loaded."""
        depths = Depths(encoder)
        return DistanceToGoal(depths, nn.Identity(), depths.size)

    def fit(
        self, encoder: Encoder, demos: Sequence[Demonstration], seed: int = 0
    ) -> DistanceToGoal:
        """Learn from demonstrations, in closed form: no seed is used.

        Raises:
            ConfigError: none, frames of another shape, or nothing changes in them.
        """
        reward = self.build(encoder)
        features = features_of(demos, reward.depths)
        reward.to(features[0].device)
        reward.aim(reward.standardise(features))
        return reward


@dataclass(frozen=True)
class TemporalRewardConfig:
    """Distance to the last frames, in an embedding that was taught to follow time."""

    loss: TemporalLoss = field(default_factory=TimeContrast)
    """what it was taught by"""
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    """the network, and how it learns"""

    def build(self, encoder: Encoder) -> DistanceToGoal:
        """One that has learned nothing, to be loaded."""
        depths = Depths(encoder)
        network = self.embedding.build(depths.size).requires_grad_(False)
        return DistanceToGoal(depths, network, self.embedding.size)

    def fit(
        self, encoder: Encoder, demos: Sequence[Demonstration], seed: int = 0
    ) -> DistanceToGoal:
        """Learn from demonstrations.

        Raises:
            ConfigError: none, frames of another shape, nothing changes in them, or the
                loss cannot learn from them.
            TrainingDiverged: the loss is not finite.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            reward = self.build(encoder)
        features = features_of(demos, reward.depths)
        reward.to(features[0].device)
        rows = reward.standardise(features)
        network = reward.network.requires_grad_(True)
        self.embedding.fit(network, rows, self.loss, seed)
        reward.aim(rows)
        return reward
