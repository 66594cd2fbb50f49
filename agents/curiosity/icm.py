"""The intrinsic curiosity module (ICM, arXiv 1705.05363)."""

from dataclasses import dataclass, field
from typing import final

import torch

from agents.curiosity.embeddings.dynamics import Dynamics, DynamicsConfig
from agents.curiosity.normalize import ReturnStdScale, RewardScale
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from ssl_objectives.objective import Loss


@final
class IntrinsicCuriosity(Curiosity):
    """`r_t = ½ ‖φ̂(φ(o_t), a_t) - φ(o_{t+1})‖²`, φ by inverse dynamics.

    Args:
        dynamics: φ, forward and inverse.
        scale: of what is paid; it stands for the paper's η.
    """

    across_processes = True

    def __init__(self, dynamics: Dynamics, scale: RewardScale) -> None:
        super().__init__()
        self.dynamics, self.scale = dynamics, scale

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """The forward model's error."""
        valid = scored.valid
        raw = self.dynamics.error(scored.traj).masked_fill(~valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, valid))

    def loss(self, learning: Learning) -> Loss:
        """Of both dynamics."""
        return self.dynamics.loss(learning.traj)


@dataclass(frozen=True)
class IcmConfig:
    """Reward what a forward model fails to predict of what actions change (ICM)."""

    dynamics: DynamicsConfig = field(default_factory=DynamicsConfig)
    """the embedding, and its two dynamics"""

    def build(self, surroundings: Surroundings) -> IntrinsicCuriosity:
        """Build the signal."""
        spec = surroundings.spec
        scale = ReturnStdScale(spec.num_envs, surroundings.discount)
        return IntrinsicCuriosity(self.dynamics.build(spec), scale)
