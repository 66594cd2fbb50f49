"""Acts so that a world model's latents come near those of a goal."""

from typing import Any, final

import torch
from jaxtyping import Bool, Float32, Shaped, UInt8
from torch import Tensor

from ssl_objectives.refusal import ConfigError
from world_models.latent_dynamics import LatentDynamics
from world_models.planning.distance import GoalDistance, SumOfSteps
from world_models.planning.draws import Draws, SeededDraws
from world_models.planning.goal_cost import GoalCost
from world_models.planning.planner import Planner
from world_models.planning.receding_horizon import RecedingHorizon


@final
class GoalSeeker:
    """Plans towards goals that are given as frames, in B envs at once.

        seeker = GoalSeeker(model, IcemConfig().of_actions(env.spec.actions, 24))
        seeker.aim(goal)
        action = seeker.act(row.obs, row.first)

    Args:
        model: imagines; in evaluation mode, as `load_world_model` gives it.
        planner: plans H steps.
        distance: between imagined latents and the goal's.
        execute: steps that are done of each plan.
        draws: of the planner; default: of seed 0.

    Raises:
        ConfigError: the model compares pixels, so that the latents it predicts need
            not be those of frames; or `execute` is no number of steps.
    """

    def __init__(
        self,
        model: LatentDynamics,
        planner: Planner[Any],
        distance: GoalDistance | None = None,
        execute: int = 4,
        draws: Draws | None = None,
    ) -> None:
        if model.compares_frames:
            raise ConfigError(
                "This model decodes what it predicts, and no frame has the latents "
                "that it predicts: plan with one that predicts latents, such as "
                "jepa-vicreg."
            )
        self.model, self.distance = model, distance or SumOfSteps()
        device = next(model.parameters()).device
        draws = draws or SeededDraws(0, device)
        self.horizon = RecedingHorizon(planner, execute, draws)
        self.goal: Float32[Tensor, "B P"] | None = None
        self.carry = model.start(0)

    @torch.no_grad()
    def aim(self, goal: UInt8[Tensor, "B C H W"]) -> None:
        """Seek these frames from now on; what was planned and seen is forgotten."""
        self.goal = self.model.goal(goal)
        self.carry = self.model.start(len(goal))
        self.horizon.plan = None

    @torch.no_grad()
    def act(
        self, obs: UInt8[Tensor, "B C H W"], first: Bool[Tensor, "B"]
    ) -> Shaped[Tensor, "B ..."]:
        """The next action of every env.

        Args:
            obs: what the envs show.
            first: where an episode begins.

        Raises:
            RuntimeError: there is no goal.
        """
        if self.goal is None:
            raise RuntimeError("There is no goal: call aim first")
        goal, num_envs = self.goal, len(obs)
        none = self.carry.action.new_zeros(0, *self.carry.action.shape)
        seen = self.model.belief.observe(obs[None], none, first[None], self.carry)
        action = self.horizon.act(
            lambda: GoalCost(self.model, seen.belief[0], goal, self.distance),
            num_envs,
            obs.device,
        )
        self.carry = seen.carry.acted(action)
        return action

    def envs(self, index: Shaped[Tensor, "b"]) -> None:
        """Go on with some of the envs alone."""
        self.goal = None if self.goal is None else self.goal[index]
        self.carry = self.carry.envs(index)
        self.horizon.envs(index)
