"""The whole reward of BYOL-Hindsight: error and lack of independence."""

from dataclasses import dataclass

from agents.curiosity.prediction_error import PredictionError, PredictionErrorConfig
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from world_models.hindsight.head import INVARIANCE
from world_models.model_loss import PREDICTION


class HindsightError(Curiosity):
    """`R = R_rec / λ + max(R_inv, 0)` (Curiosity in Hindsight, arXiv 2211.10515).

    Both are sums over all predictions landing on a transition. Scaled and prioritised
    as the error alone, which `PredictionError` pays. Deviation: R_inv counts where it
    is positive; in situations never seen it lies far below 0, where R_rec is largest.

    Args:
        error: scales and prioritises.
        weight: λ of the world model.
    """

    needs_model = True
    across_processes = True

    def __init__(self, error: PredictionError, weight: float) -> None:
        super().__init__()
        self.error, self.weight = error, weight

    def reward(self, scored: Scored) -> IntrinsicReward:
        """The sum, as `PredictionError` would pay it.

        Raises:
            ConfigError: the world model has no codes.
        """
        known = scored.known
        error = known.arrival(PREDICTION) / self.weight
        told = known.arrival(INVARIANCE).clamp(min=0.0)
        return self.error.paid(error + told, scored.valid)


@dataclass(frozen=True)
class HindsightErrorConfig:
    """The error, and what codes of chance tell of what was known (byol-hindsight)."""

    ema_decay: float = 0.99
    """of the reward's running mean and std, per rollout"""
    prioritize: bool = True
    """pay only what exceeds the running mean"""
    lam: float = 0.2
    """λ, that of the world model: the error is divided by it"""

    def __post_init__(self) -> None:
        if not self.lam > 0.0:
            raise ValueError(f"lam must be above 0, not {self.lam}")
        self._error()

    def build(self, surroundings: Surroundings) -> HindsightError:
        """Build the signal."""
        return HindsightError(self._error().build(surroundings), self.lam)

    def _error(self) -> PredictionErrorConfig:
        return PredictionErrorConfig(self.ema_decay, self.prioritize)
