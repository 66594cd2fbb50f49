"""Plans of continuous actions: a mean for each env, step and component."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from ssl_objectives.refusal import ConfigError
from world_models.actions import ActionSpace, Continuous
from world_models.planning.planner import Plan, shifted_rows


@final
@dataclass(frozen=True)
class GaussianPlan(Plan):
    """The mean of the actions that were thought good.

    Planners spread samples around it by a std of their own, wide again in every plan:
    what was certain a few steps ago need not be so now.
    """

    mean: Float32[Tensor, "H B A"]

    @property
    def action(self) -> Float32[Tensor, "H B A"]:
        """The mean."""
        return self.mean

    def shifted(self, steps: int) -> "GaussianPlan":
        """Its last steps do nothing."""
        return GaussianPlan(shifted_rows(self.mean, steps, 0.0))

    def envs(self, index: Shaped[Tensor, "b"]) -> "GaussianPlan":
        """See `Plan`."""
        return GaussianPlan(self.mean[:, index])


def no_action(
    horizon: int, num_envs: int, size: int, device: torch.device
) -> Float32[Tensor, "H B A"]:
    """Zeros: the middle of what can be done."""
    return torch.zeros(horizon, num_envs, size, device=device)


def components(actions: ActionSpace, planner: str, instead: str) -> int:
    """A, the number of components of continuous actions.

    Args:
        actions: of a world.
        planner: who asks, for the message.
        instead: who plans discrete actions.

    Raises:
        ConfigError: they are discrete.
    """
    if not isinstance(actions, Continuous):
        raise ConfigError(
            f"{planner} plans actions of real numbers, and here one of several is "
            f"chosen: take {instead}."
        )
    return len(actions.low)
