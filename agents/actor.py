"""The actor: belief model and policy, without anything that only learning needs."""

from typing import NamedTuple

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from agents.policy.actor_critic import ActorCritic
from envs.vector_env import Step
from world_models.belief import BeliefModel, Carry
from world_models.latent_dynamics import LatentDynamics


class Acted(NamedTuple):
    """An action per env, and the carry of the next row."""

    action: Shaped[Tensor, "B ..."]
    carry: Carry


class Actor(nn.Module):
    """The policy, and the model whose beliefs it reads.

    Args:
        model: a world model (which holds its belief model) or a belief model alone.
    """

    def __init__(
        self, policy: ActorCritic, model: LatentDynamics | BeliefModel
    ) -> None:
        super().__init__()
        self.policy = policy
        self.model = model

    @property
    def belief(self) -> BeliefModel:
        """The belief model."""
        model = self.model
        return model.belief if isinstance(model, LatentDynamics) else model

    @property
    def world_model(self) -> LatentDynamics | None:
        """The world model, if there is one."""
        return self.model if isinstance(self.model, LatentDynamics) else None

    def start(self, num_envs: int) -> Carry:
        """The carry before the first row."""
        return self.belief.start(num_envs)

    @torch.no_grad()
    def act(
        self, row: Step, carry: Carry, generator: torch.Generator, greedy: bool = False
    ) -> Acted:
        """Choose one action per env: draw it, or take the likeliest (`greedy`)."""
        nothing = carry.action[None][:0]
        seen = self.belief.observe(row.obs[None], nothing, row.first[None], carry)
        distribution, _ = self.policy(seen.belief[0])
        action = distribution.mode() if greedy else distribution.sample(generator)
        return Acted(action, seen.carry.acted(action))
