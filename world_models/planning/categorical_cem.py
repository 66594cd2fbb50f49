"""The cross-entropy method for discrete actions."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor
from torch.nn.functional import one_hot

from ssl_objectives.refusal import ConfigError
from world_models.actions import ActionSpace, Discrete
from world_models.planning.checks import check_above, check_samples, check_share
from world_models.planning.draws import Draws
from world_models.planning.elites import elites
from world_models.planning.planner import ActionCost, Plan, Planner, shifted_rows


@final
@dataclass(frozen=True)
class CategoricalPlan(Plan):
    """How likely each of n actions is to be good, for each env and step."""

    probability: Float32[Tensor, "H B n"]

    @property
    def action(self) -> Int64[Tensor, "H B"]:
        """The likeliest."""
        return self.probability.argmax(-1)

    def shifted(self, steps: int) -> "CategoricalPlan":
        """In its last steps all actions are alike."""
        last = 1 / self.probability.shape[-1]
        return CategoricalPlan(shifted_rows(self.probability, steps, last))

    def envs(self, index: Shaped[Tensor, "b"]) -> "CategoricalPlan":
        """See `Plan`."""
        return CategoricalPlan(self.probability[:, index])


@final
class CategoricalCem(Planner[CategoricalPlan]):
    """CEM over n actions: how often the best sequences did each, is how likely it is.

        p ← m p + (1 - m) ((1 - s) frequency among elites + s / n)

    apart for every env and step. The smoothing s keeps every action possible: a
    probability of 0 would never rise again. A warm start is smoothed likewise.

    Args:
        config: its numbers.
        horizon: H.
        num_actions: n.
    """

    def __init__(
        self, config: "CategoricalCemConfig", horizon: int, num_actions: int
    ) -> None:
        self.config, self.horizon = config, horizon
        self.num_actions = num_actions

    def start(self, num_envs: int, device: torch.device) -> CategoricalPlan:
        """All actions alike."""
        shape = (self.horizon, num_envs, self.num_actions)
        return CategoricalPlan(torch.full(shape, 1 / self.num_actions, device=device))

    def __call__(
        self, cost: ActionCost, prior: CategoricalPlan, draws: Draws
    ) -> CategoricalPlan:
        """See `Planner`."""
        c = self.config
        likely = torch.lerp(prior.probability, self._alike(prior), c.rewarming)
        horizon, envs, _ = likely.shape
        for _ in range(c.iterations):
            share = draws.uniform(horizon, envs, c.num_samples)
            action = drawn(likely, share)
            best = elites(action, cost(action), c.num_elites)
            often = one_hot(best, self.num_actions).float().mean(2)
            often = torch.lerp(often, self._alike(prior), c.smoothing)
            likely = torch.lerp(often, likely, c.momentum)
        return CategoricalPlan(likely)

    def _alike(self, prior: CategoricalPlan) -> Float32[Tensor, "H B n"]:
        return torch.full_like(prior.probability, 1 / self.num_actions)


def drawn(
    probability: Float32[Tensor, "H B n"], share: Float32[Tensor, "H B N"]
) -> Int64[Tensor, "H B N"]:
    """Actions by the inverse of the distribution function, from uniform numbers."""
    below = probability.cumsum(-1)
    action = torch.searchsorted(below, share.contiguous(), right=True)
    # rounding may leave the sum a little below 1
    return action.clamp(max=probability.shape[-1] - 1)


@dataclass(frozen=True)
class CategoricalCemConfig:
    """CEM for discrete actions: frequencies among the best of its own samples."""

    num_samples: int = 200
    """N, action sequences that are tried in each iteration, per env"""
    num_elites: int = 20
    """E, the best of them, whose actions are counted"""
    iterations: int = 5
    """times that samples are drawn"""
    momentum: float = 0.1
    """m, what stays of the probabilities in an iteration"""
    smoothing: float = 0.05
    """s, share of samples that are drawn evenly"""
    rewarming: float = 0.5
    """share of an earlier plan that is made even before it is gone on with"""

    def __post_init__(self) -> None:
        check_samples(self.num_samples, self.num_elites, self.iterations)
        check_share("momentum", self.momentum)
        check_share("smoothing", self.smoothing)
        check_above("rewarming", self.rewarming, -1e-9)
        check_above("1 - rewarming", 1 - self.rewarming, -1e-9)

    def of_actions(self, actions: ActionSpace, horizon: int) -> CategoricalCem:
        """Build it; see `PlannerConfig`."""
        if not isinstance(actions, Discrete):
            raise ConfigError(
                "Categorical CEM chooses one of several actions, and here actions are "
                "real numbers: take icem, cem or mppi."
            )
        return CategoricalCem(self, horizon, actions.n)
