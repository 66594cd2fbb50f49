"""Model predictive path integral control."""

from dataclasses import dataclass
from typing import final

import torch

from world_models.actions import ActionSpace
from world_models.planning.checks import check_above, check_samples, check_spread
from world_models.planning.draws import Draws
from world_models.planning.gaussian import GaussianPlan, components, no_action
from world_models.planning.planner import ActionCost, Planner


@final
class Mppi(Planner[GaussianPlan]):
    """MPPI: all samples count, the cheaper ones exponentially more.

        w = softmax(-(J - min J) / λ),    μ ← Σ w a,    σ ← √(Σ w (a - μ)²)

    over N samples `a ~ clip(μ + σ ε, -1, 1)` with costs J, apart for every env
    (Williams et al. 2017; arXiv 1509.01149). σ is never below `min_std`, as TD-MPC has
    it (arXiv 2203.04955); with `min_std = std` it stays, as in MPPI.

    Args:
        config: its numbers.
        horizon: H.
        size: A, components of an action.
    """

    def __init__(self, config: "MppiConfig", horizon: int, size: int) -> None:
        self.config, self.horizon, self.size = config, horizon, size

    def start(self, num_envs: int, device: torch.device) -> GaussianPlan:
        """A mean of 0."""
        return GaussianPlan(no_action(self.horizon, num_envs, self.size, device))

    def __call__(
        self, cost: ActionCost, prior: GaussianPlan, draws: Draws
    ) -> GaussianPlan:
        """See `Planner`."""
        c, mean = self.config, prior.mean
        std = torch.full_like(mean, c.std)
        horizon, envs, size = mean.shape
        for _ in range(c.iterations):
            noise = draws.normal(horizon, envs, c.num_samples, size)
            action = mean.unsqueeze(2) + std.unsqueeze(2) * noise
            action = action.clamp(-1.0, 1.0)
            # softmax subtracts the least cost by itself
            weight = torch.softmax(-cost(action) / c.temperature, 1)
            mean = torch.einsum("bn,hbna->hba", weight, action)
            apart = (action - mean.unsqueeze(2)).square()
            std = torch.einsum("bn,hbna->hba", weight, apart).sqrt()
            std = std.clamp(min=c.min_std)
        return GaussianPlan(mean)


@dataclass(frozen=True)
class MppiConfig:
    """MPPI: all samples count, the cheaper ones exponentially more."""

    num_samples: int = 200
    """N, action sequences that are tried in each iteration, per env"""
    iterations: int = 5
    """times that samples are drawn"""
    temperature: float = 0.5
    """λ, in the unit of the cost: by as much dearer, e times as light"""
    std: float = 1.0
    """of the first samples; actions lie in [-1, 1]"""
    min_std: float = 0.05
    """std that later samples have at least"""

    def __post_init__(self) -> None:
        check_samples(self.num_samples, 1, self.iterations)
        check_spread(self.std, self.min_std)
        check_above("temperature", self.temperature, 0.0)

    def of_actions(self, actions: ActionSpace, horizon: int) -> Mppi:
        """Build it; see `PlannerConfig`."""
        return Mppi(self, horizon, components(actions, "MPPI", "categorical-cem"))
