"""Intrinsic reward from a world model's prediction error, as in BYOL-Explore."""

from dataclasses import dataclass

from jaxtyping import Bool, Float32
from torch import Tensor

from agents.curiosity.normalize import (
    AboveMean,
    EmaRmsScale,
    EmaStdScale,
    PayAll,
    Prioritizer,
    ReturnStdScale,
    RewardScale,
    Unscaled,
)
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from world_models.model_loss import PREDICTION


class PredictionError(Curiosity):
    """BYOL-Explore's reward (arXiv 2206.08332), over any world model.

    `ℓ_t` is the sum of the losses of all predictions landing on `t+1`; it is scaled by
    its EMA standard deviation, and only what exceeds its EMA mean is paid.

    Deviation: what is paid is divided by the std of its discounted return (`payout`),
    in place of the paper's normalised values. Otherwise a rare discovery makes a value
    error so large that, gradients being clipped together, the policy learns nothing
    from it.

    Args:
        term: of the model's loss that is paid; `disagreement` of an ensemble, say.
    """

    needs_model = True
    across_processes = True

    def __init__(
        self,
        scale: RewardScale,
        prioritizer: Prioritizer,
        payout: RewardScale | None = None,
        term: str = PREDICTION,
    ) -> None:
        super().__init__()
        self.scale = scale
        self.prioritizer = prioritizer
        self.payout = payout or Unscaled()
        self.term = term

    def reward(self, scored: Scored) -> IntrinsicReward:
        """Arrival sums, scaled and prioritised."""
        return self.paid(scored.known.arrival(self.term), scored.valid)

    def paid(
        self, measured: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> IntrinsicReward:
        """What is paid for a number per transition: scaled and prioritised."""
        raw = measured.masked_fill(~valid, 0.0)
        chosen = self.prioritizer(self.scale(raw, valid), valid)
        paid = self.payout(chosen.masked_fill(~valid, 0.0), valid)
        return IntrinsicReward(raw, paid)


@dataclass(frozen=True)
class PredictionErrorConfig:
    """Reward what the world model failed to predict, as BYOL-Explore does."""

    ema_decay: float = 0.99
    """of the reward's running mean and std, per rollout"""
    prioritize: bool = True
    """pay only what exceeds the running mean"""
    term: str = PREDICTION
    """of the model's loss, that is paid"""

    def __post_init__(self) -> None:
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(
                f"ema_decay must be at least 0 and below 1, not {self.ema_decay}"
            )

    def build(self, surroundings: Surroundings) -> PredictionError:
        """Build the signal."""
        prioritizer = AboveMean(self.ema_decay) if self.prioritize else PayAll()
        payout = ReturnStdScale(surroundings.spec.num_envs, surroundings.discount)
        scale = EmaStdScale(self.ema_decay)
        return PredictionError(scale, prioritizer, payout, self.term)


@dataclass(frozen=True)
class ErrorConfig:
    """Reward the world model's error as it is, over its running root mean square."""

    ema_decay: float = 0.98
    """of the reward's running root mean square, per rollout"""
    clip: float = 5.0
    """the most that is paid, in root mean squares"""
    term: str = PREDICTION
    """of the model's loss, that is paid"""

    def __post_init__(self) -> None:
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(
                f"ema_decay must be at least 0 and below 1, not {self.ema_decay}"
            )
        if not self.clip > 0.0:
            raise ValueError(f"clip must be above 0, not {self.clip}")

    def build(self, surroundings: Surroundings) -> PredictionError:
        """Build the signal: scaled as learning progress is, and nothing else."""
        scale = EmaRmsScale(self.ema_decay, self.clip)
        return PredictionError(scale, PayAll(), None, self.term)
