"""iCEM: the cross-entropy method with smooth noise, and elites that are kept."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor

from world_models.actions import ActionSpace
from world_models.planning.checks import (
    check_above,
    check_samples,
    check_share,
    check_spread,
)
from world_models.planning.colored_noise import colored_noise
from world_models.planning.draws import Draws
from world_models.planning.elites import elites
from world_models.planning.gaussian import components, no_action
from world_models.planning.planner import ActionCost, Plan, Planner, shifted_rows


@final
@dataclass(frozen=True)
class KeptPlan(Plan):
    """A mean, and the best sequences that were tried, the best one first."""

    mean: Float32[Tensor, "H B A"]
    kept: Float32[Tensor, "H B E A"]

    @property
    def action(self) -> Float32[Tensor, "H B A"]:
        """The best sequence that was tried; the mean where none was."""
        return self.kept[:, :, 0] if self.kept.shape[2] else self.mean

    def shifted(self, steps: int) -> "KeptPlan":
        """All of them; the last steps do nothing."""
        return KeptPlan(
            shifted_rows(self.mean, steps, 0.0), shifted_rows(self.kept, steps, 0.0)
        )

    def envs(self, index: Shaped[Tensor, "b"]) -> "KeptPlan":
        """See `Plan`."""
        return KeptPlan(self.mean[:, index], self.kept[:, index])


@final
class Icem(Planner[KeptPlan]):
    """iCEM (arXiv 2008.06389): CEM that finds long ways with few samples.

    Unlike CEM, noise has power `f^-β` over steps, so that samples go somewhere instead
    of trembling; a share of the elites is tried again in the next iteration, and in
    the next plan, a few steps further; samples become fewer, `N γ^-i` and never fewer
    than 2 E; the mean is tried in the last iteration; the best sequence is done, not
    the mean.

    Deviations: the last step of a kept sequence does nothing when it is shifted, where
    the paper draws it; the first action of samples is clipped as all others are.

    Args:
        config: its numbers.
        horizon: H.
        size: A, components of an action.
    """

    def __init__(self, config: "IcemConfig", horizon: int, size: int) -> None:
        self.config, self.horizon, self.size = config, horizon, size

    def start(self, num_envs: int, device: torch.device) -> KeptPlan:
        """A mean of 0, and nothing kept."""
        mean = no_action(self.horizon, num_envs, self.size, device)
        return KeptPlan(mean, mean.new_zeros(self.horizon, num_envs, 0, self.size))

    def __call__(self, cost: ActionCost, prior: KeptPlan, draws: Draws) -> KeptPlan:
        """See `Planner`."""
        c, mean, kept = self.config, prior.mean, prior.kept
        std = torch.full_like(mean, c.std)
        horizon, envs, size = mean.shape
        for i in range(c.iterations):
            noise = colored_noise(
                draws, horizon, envs, c.samples_of(i), size, c.exponent
            )
            action = mean.unsqueeze(2) + std.unsqueeze(2) * noise
            tried = [action.clamp(-1.0, 1.0), kept]
            if i == c.iterations - 1:
                tried.append(mean.unsqueeze(2))
            action = torch.cat(tried, 2)
            best = elites(action, cost(action), c.num_elites)
            mean = torch.lerp(best.mean(2), mean, c.momentum)
            new_std = best.std(2, correction=0).clamp(min=c.min_std)
            std = torch.lerp(new_std, std, c.momentum)
            kept = best[:, :, : c.num_kept]
        return KeptPlan(mean, kept)


@dataclass(frozen=True)
class IcemConfig:
    """iCEM: CEM with smooth noise, whose best sequences are tried again."""

    num_samples: int = 200
    """N, action sequences that are tried in the first iteration, per env"""
    num_elites: int = 20
    """E, the best of them, which the next Gaussian is fitted to"""
    iterations: int = 5
    """times that samples are drawn"""
    std: float = 1.0
    """of the first samples; actions lie in [-1, 1]"""
    min_std: float = 0.05
    """std that later samples have at least"""
    momentum: float = 0.1
    """m, what stays of mean and std in an iteration"""
    exponent: float = 2.0
    """β of the noise: 0 white, 2 a random walk"""
    decay: float = 1.25
    """γ, by which samples become fewer in each iteration"""
    num_kept: int = 5
    """elites that are tried again"""

    def __post_init__(self) -> None:
        check_samples(self.num_samples, self.num_elites, self.iterations)
        check_samples(self.num_elites, self.num_kept, self.iterations)
        check_spread(self.std, self.min_std)
        check_share("momentum", self.momentum)
        check_above("exponent", self.exponent, -1e-9)
        check_above("decay", self.decay, 1 - 1e-9)

    def samples_of(self, iteration: int) -> int:
        """How many are drawn in an iteration, counted from 0."""
        fewer = int(self.num_samples * self.decay**-iteration)
        return min(self.num_samples, max(fewer, 2 * self.num_elites))

    def of_actions(self, actions: ActionSpace, horizon: int) -> Icem:
        """Build it; see `PlannerConfig`."""
        return Icem(self, horizon, components(actions, "iCEM", "categorical-cem"))
