"""The player of off-policy agents: a policy, and the world model that looks on."""

from typing import final

import torch

from agents.acting import ActingPolicy
from agents.player import Player
from agents.policy.off_policy import OffPolicy
from world_models.latent_dynamics import LatentDynamics


@final
class OffPolicyPlayer(Player):
    """A policy and a world model that share nothing."""

    def __init__(self, policy: OffPolicy, model: LatentDynamics | None) -> None:
        super().__init__()
        self.policy = policy
        self.model = model

    @property
    def world_model(self) -> LatentDynamics | None:
        """The world model, if there is one."""
        return self.model

    def acting(self, seed: int, greedy: bool = False) -> ActingPolicy:
        """The policy as it plays once training is over."""
        generator = torch.Generator(self.device).manual_seed(seed)
        return self.policy.playing(generator, greedy)
