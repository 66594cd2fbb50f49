"""Plan far, do the first few steps, plan again: model predictive control."""

from collections.abc import Callable
from typing import Any, final

import torch
from jaxtyping import Shaped
from torch import Tensor

from ssl_objectives.refusal import ConfigError
from world_models.planning.draws import Draws
from world_models.planning.planner import ActionCost, Plan, Planner


@final
class RecedingHorizon:
    """Does the first steps of each plan; the next plan begins with what is left of it.

    Args:
        planner: plans H steps.
        execute: steps that are done of each plan, of H at most.
        draws: of the planner.

    Raises:
        ConfigError: more steps would be done than are planned, or none.
    """

    def __init__(self, planner: Planner[Any], execute: int, draws: Draws) -> None:
        self.planner, self.execute, self.draws = planner, execute, draws
        self.plan: Plan | None = None
        self.done = 0
        if not 1 <= execute <= planner.horizon:
            raise ConfigError(
                f"execute must be between 1 and the {planner.horizon} steps that are "
                f"planned, not {execute}"
            )

    def act(
        self, cost: Callable[[], ActionCost], num_envs: int, device: torch.device
    ) -> Shaped[Tensor, "B ..."]:
        """The next action of every env.

        Args:
            cost: from now on; asked for only where a plan is due.
            num_envs: B.
            device: where plans lie.
        """
        if self.plan is None or self.done >= self.execute:
            prior = (
                self.planner.start(num_envs, device)
                if self.plan is None
                else self.plan.shifted(self.done)
            )
            self.plan, self.done = self.planner(cost(), prior, self.draws), 0
        self.done += 1
        return self.plan.action[self.done - 1]

    def envs(self, index: Shaped[Tensor, "b"]) -> None:
        """Go on with some of the envs alone."""
        self.plan = None if self.plan is None else self.plan.envs(index)
