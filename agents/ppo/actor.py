"""PPO's player: belief model and actor-critic, and how they act."""

from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor

from agents.acting import Acted, ActingPolicy
from agents.perceiving import perceive
from agents.player import Player
from agents.policy.actor_critic import ActorCritic
from envs.vector_env import Step
from world_models.belief import BeliefModel, Carry
from world_models.latent_dynamics import LatentDynamics
from world_models.trajectory import Trajectory


@final
class Actor(Player):
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

    def acting(self, seed: int, greedy: bool = False) -> "ActorPolicy":
        """With draws of its own, or always the likeliest action (`greedy`)."""
        generator = torch.Generator(self.device).manual_seed(seed)
        return ActorPolicy(self, generator, greedy)

    @torch.no_grad()
    def value(self, traj: Trajectory, end: Carry) -> Float32[Tensor, "B V"]:
        """The value of each reward stream at the last row, whose carry is `end`."""
        nothing = end.action[None][:0]
        vector = None if traj.vector is None else traj.vector[-1:]
        seen = self.belief.observe(traj.obs[-1:], nothing, traj.first[-1:], end, vector)
        value: Tensor = self.policy(seen.belief[0])[1]
        return value.movedim(0, -1)

    def perceive(self, row: Step, carry: Carry) -> tuple[Float32[Tensor, "B S"], Carry]:
        """The belief at one row, and the carry behind it, still without an action."""
        return perceive(self.belief, row, carry)


@final
class ActorPolicy(ActingPolicy):
    """An actor-critic that draws its actions, or takes the likeliest (`greedy`).

    Notes the beliefs it acted on, the log probability of its actions, and a value per
    reward stream.

    Args:
        generator: of the draws, on the actor's device.
    """

    def __init__(
        self, actor: Actor, generator: torch.Generator, greedy: bool = False
    ) -> None:
        self.actor, self.generator, self.greedy = actor, generator, greedy

    def start(self, num_envs: int) -> Carry:
        """The belief's."""
        return self.actor.start(num_envs)

    @torch.no_grad()
    def act(self, row: Step, carry: Carry) -> Acted:
        """Draw one action per env, or take the likeliest."""
        belief, carry = self.actor.perceive(row, carry)
        distribution, value = self.actor.policy(belief)
        action = (
            distribution.mode() if self.greedy else distribution.sample(self.generator)
        )
        noted = {
            "belief": belief,
            "log_prob": distribution.log_prob(action),
            "value": value.movedim(0, -1),
        }
        return Acted(action, carry.acted(action), noted)

    def state_dict(self) -> dict[str, Any]:
        """The stream of draws."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on drawing."""
        self.generator.set_state(state["generator"].cpu())
