"""Several signals as one: a weighted sum, with one reward stream and one value head."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from agents.curiosity.embeddings.means import mean_of_all
from agents.curiosity.scored import Learning, Scored
from agents.curiosity.signal import (
    Curiosity,
    CuriosityConfig,
    IntrinsicReward,
    Surroundings,
)
from agents.curiosity.signals import check_config, check_weight, names_of
from ssl_objectives.objective import Loss
from world_models.latent_dynamics import LatentDynamics


@final
class WeightedSum(Curiosity):
    """`r_t = Σ_i w_i r_{i,t}` of what signals pay, each scaled by itself.

    Beside signals with a stream each (`SignalConfig`), which have a discount and a
    value head of their own. What is logged as raw is the sum too; means of what each
    pays are told by its name.

    Args:
        parts: at least one signal.
        weights: w, one for each.
        names: of the signals in logs; default: their numbers.

    Raises:
        ValueError: not as many weights as signals, or none.
    """

    def __init__(
        self,
        parts: list[Curiosity],
        weights: list[float],
        names: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if not parts or len(parts) != len(weights):
            raise ValueError(
                "a sum needs at least one signal and a weight for each, not "
                f"{len(parts)} and {len(weights)}"
            )
        self.parts = nn.ModuleList(parts)
        self.weights = weights
        self.names = tuple(names) or tuple(str(i + 1) for i in range(len(parts)))
        self.needs_model = any(x.needs_model for x in parts)
        self.remembers = any(x.remembers for x in parts)
        self.warm_up_steps = max(x.warm_up_steps for x in parts)
        self.across_processes = all(x.across_processes for x in parts)

    @property
    def _signals(self) -> list[Curiosity]:
        return [x for x in self.parts if isinstance(x, Curiosity)]

    @torch.no_grad()
    def reward(self, scored: Scored) -> IntrinsicReward:
        """The sum of what all pay."""
        paid = [x.reward(scored) for x in self._signals]
        total = torch.zeros_like(paid[0].reward)
        told: dict[str, Tensor] = {}
        for name, one, weight in zip(self.names, paid, self.weights, strict=True):
            own = weight * one.reward
            total = total + own
            told[f"{name}/reward_mean"] = mean_of_all(own, scored.valid)
            told |= {f"{name}/{what}": x for what, x in one.told.items()}
        return IntrinsicReward(total, total, told)

    def loss(self, learning: Learning) -> Loss | None:
        """The sum of what all learn: a weight of the reward is none of the loss."""
        losses = [x.loss(learning) for x in self._signals]
        means = [x.mean() for x in losses if x is not None]
        return Loss(None, torch.stack(means).sum()) if means else None

    def warm_up(
        self,
        obs: UInt8[Tensor, "R B C H W"],
        vector: Float32[Tensor, "R B V"] | None = None,
    ) -> None:
        """Show all of them what random play looks like."""
        for x in self._signals:
            x.warm_up(obs, vector)

    def after_update(self, model: LatentDynamics | None) -> None:
        """Let all of them follow."""
        for x in self._signals:
            x.after_update(model)

    def settled(self) -> Mapping[str, float]:
        """What each has settled, by its name."""
        parts = zip(self.names, self._signals, strict=True)
        return {f"{name}/{k}": v for name, x in parts for k, v in x.settled().items()}

    def caution(self) -> str | None:
        """The first of theirs."""
        return next(filter(None, (x.caution() for x in self._signals)), None)


@dataclass(frozen=True)
class WeightedConfig:
    """One signal of a sum."""

    curiosity: CuriosityConfig
    """what it finds interesting"""
    weight: float = 1.0
    """of what it pays, in the sum"""

    def __post_init__(self) -> None:
        check_config(self.curiosity)
        check_weight("weight", self.weight)


@dataclass(frozen=True)
class WeightedSumConfig:
    """Reward the weighted sum of what several signals pay, in one stream."""

    parts: tuple[WeightedConfig, ...] = ()
    """the signals"""

    def build(self, surroundings: Surroundings) -> WeightedSum:
        """Build all of them.

        Raises:
            ValueError: there are none.
        """
        if not all(isinstance(x, WeightedConfig) for x in self.parts):
            raise ValueError(
                "the parts of a sum are WeightedConfig(config, weight), for each signal"
            )
        built = [x.curiosity.build(surroundings) for x in self.parts]
        names = names_of([x.curiosity for x in self.parts])
        return WeightedSum(built, [x.weight for x in self.parts], names)
