"""γ-progress in small: what an old copy of the world model loses more than the model.

(Kim et al. 2020, arXiv 2007.07853.) The copy follows the model's weights slowly, and
its memory runs along the rollouts as the policy's does.
"""

from copy import deepcopy
from dataclasses import dataclass

import torch

from agents.curiosity.normalize import ReturnStdScale
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from world_models.belief import Carry
from world_models.latent_dynamics import LatentDynamics


class Progress(Curiosity):
    """`r_t = ℓ_old,t - ℓ_new,t`, on the same targets."""

    needs_model = True

    def __init__(self, surroundings: Surroundings, decay: float) -> None:
        super().__init__()
        assert surroundings.model is not None
        self.old, self.decay = deepcopy(surroundings.model).requires_grad_(False), decay
        self.scale = ReturnStdScale(surroundings.spec.num_envs, surroundings.discount)
        carry = self.old.start(surroundings.spec.num_envs)
        self.register_buffer("frames", carry.frames)
        self.register_buffer("memory", carry.memory)
        self.register_buffer("action", carry.action)

    @property
    def carry(self) -> Carry:
        return Carry(self.frames, self.memory, self.action)

    def reward(self, scored: Scored) -> IntrinsicReward:
        old, carry = scored.score(self.old, self.carry, scored.target)
        self.frames, self.memory, self.action = vars(carry).values()
        raw = old.arrival() - scored.known.arrival()
        raw = raw.masked_fill(~scored.valid, 0.0)
        return IntrinsicReward(raw, self.scale(raw, scored.valid))

    @torch.no_grad()
    def after_update(self, model: LatentDynamics | None) -> None:
        assert model is not None
        pairs = zip(self.old.parameters(), model.parameters(), strict=True)
        for old, new in pairs:
            old.lerp_(new, 1 - self.decay)


@dataclass(frozen=True)
class ProgressConfig:
    """Reward what the model has learned of late."""

    decay: float = 0.9

    def build(self, surroundings: Surroundings) -> Progress:
        return Progress(surroundings, self.decay)
