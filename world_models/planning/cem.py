"""The cross-entropy method for continuous actions."""

from dataclasses import dataclass, replace
from typing import final

import torch

from world_models.actions import ActionSpace
from world_models.planning.checks import check_samples, check_share, check_spread
from world_models.planning.draws import Draws
from world_models.planning.elites import elites
from world_models.planning.gaussian import GaussianPlan, components, no_action
from world_models.planning.planner import ActionCost, Planner


@final
class Cem(Planner[GaussianPlan]):
    """CEM: fit a Gaussian to the best of its own samples, again and again.

    In each iteration, with E elites of N samples `a ~ clip(μ + σ ε, -1, 1)`,

        μ ← m μ + (1 - m) mean of elites,    σ ← m σ + (1 - m) std of elites,

    apart for every env, step and component (Rubinstein 1999; for planning in latent
    models arXiv 1811.04551). The std is over E, and never below `min_std`.

    Args:
        config: its numbers.
        horizon: H.
        size: A, components of an action.
    """

    def __init__(self, config: "CemConfig", horizon: int, size: int) -> None:
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
            best = elites(action, cost(action), c.num_elites)
            new_std = best.std(2, correction=0).clamp(min=c.min_std)
            mean = torch.lerp(best.mean(2), mean, c.momentum)
            std = torch.lerp(new_std, std, c.momentum)
        return replace(prior, mean=mean)


@dataclass(frozen=True)
class CemConfig:
    """CEM: fit a Gaussian to the best of its own samples, again and again."""

    num_samples: int = 200
    """N, action sequences that are tried in each iteration, per env"""
    num_elites: int = 20
    """E, the best of them, which the next Gaussian is fitted to"""
    iterations: int = 5
    """times that samples are drawn"""
    std: float = 1.0
    """of the first samples; actions lie in [-1, 1]"""
    min_std: float = 0.05
    """std that later samples have at least"""
    momentum: float = 0.0
    """m, what stays of mean and std in an iteration"""

    def __post_init__(self) -> None:
        check_samples(self.num_samples, self.num_elites, self.iterations)
        check_spread(self.std, self.min_std)
        check_share("momentum", self.momentum)

    def of_actions(self, actions: ActionSpace, horizon: int) -> Cem:
        """Build it; see `PlannerConfig`."""
        return Cem(self, horizon, components(actions, "CEM", "categorical-cem"))
