"""The actor: belief model and policy, without anything that only learning needs."""

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from agents.policy.actor_critic import ActorCritic
from envs.vector_env import Step
from world_models.belief import BeliefModel, Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory


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
    def value(self, traj: Trajectory, end: Carry) -> Float32[Tensor, "B V"]:
        """The value of each reward stream at the last row, whose carry is `end`."""
        nothing = end.action[None][:0]
        vector = None if traj.vector is None else traj.vector[-1:]
        seen = self.belief.observe(traj.obs[-1:], nothing, traj.first[-1:], end, vector)
        value: Tensor = self.policy(seen.belief[0])[1]
        return value.movedim(0, -1)

    @torch.no_grad()
    def perceive(self, row: Step, carry: Carry) -> tuple[Float32[Tensor, "B S"], Carry]:
        """The belief at one row, and the carry behind it, still without an action."""
        nothing = carry.action[None][:0]
        vector = None if row.vector is None else row.vector[None]
        seen = self.belief.observe(
            row.obs[None], nothing, row.first[None], carry, vector
        )
        return seen.belief[0], seen.carry
