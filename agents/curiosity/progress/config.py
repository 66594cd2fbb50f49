"""γ-Progress and δ-Progress, as they are chosen."""

from collections.abc import Callable
from dataclasses import dataclass, field

from agents.curiosity.normalize import EmaRmsScale
from agents.curiosity.progress.frozen_features import ChangeOfFeaturesConfig
from agents.curiosity.progress.old_weights import GeometricMean, OldWeights, StepsAgo
from agents.curiosity.progress.own_model import OwnModelConfig
from agents.curiosity.progress.progress import Progress
from agents.curiosity.progress.yardstick import Measured, Yardstick, YardstickConfig
from agents.curiosity.signal import Surroundings
from ssl_objectives.counts import check_count
from world_models.belief import checked


@dataclass(frozen=True)
class _ProgressConfig:
    """What both kinds of old weights share."""

    warm_start: int = 100
    """gradient steps of the model before anything is paid, at least 1"""
    yardstick: YardstickConfig = field(default_factory=ChangeOfFeaturesConfig)
    """the loss that old and new weights are compared by"""
    model: OwnModelConfig | None = None
    """a model of its own that is measured; none: the agent's"""
    ema_decay: float = 0.98
    """of the reward's running root mean square, per rollout"""
    clip: float = 5.0
    """the most that is paid, in root mean squares"""

    def __post_init__(self) -> None:
        if self.warm_start < 1:
            raise ValueError(f"warm_start must be at least 1, not {self.warm_start}")
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(
                f"ema_decay must be at least 0 and below 1, not {self.ema_decay}"
            )
        if self.clip <= 0.0:
            raise ValueError(f"clip must be above 0, not {self.clip}")

    def _build(
        self,
        surroundings: Surroundings,
        remember: Callable[[Measured], OldWeights],
    ) -> Progress:
        own = None if self.model is None else self.model.build(surroundings)
        model = surroundings.model if own is None else own.model
        if model is None:
            raise ValueError(
                "learning progress is a world model's, and there is none: add --model "
                "byol-explore"
            )
        made = self.yardstick.build(surroundings, model)
        yardstick = checked(made, Yardstick, self.yardstick)
        now = yardstick.measured(model)
        return Progress(
            now,
            remember(now),
            yardstick,
            EmaRmsScale(self.ema_decay, self.clip),
            surroundings.spec.num_envs,
            own,
            surroundings.updates,
        )


@dataclass(frozen=True)
class GammaProgressConfig(_ProgressConfig):
    """Reward what the model predicts better than a slowly following copy of it."""

    memory: float = 0.18
    """share of the run's model updates that old weights remember, 1 / (1 - gamma)"""
    gamma: float | None = None
    """of the copy, per model update; none: as the memory says"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 < self.memory <= 1.0:
            raise ValueError(
                "memory is a share of the run, above 0 and at most 1, not "
                f"{self.memory}"
            )
        if self.gamma is not None and not 0.0 <= self.gamma < 1.0:
            raise ValueError(f"gamma must be at least 0 and below 1, not {self.gamma}")

    def build(self, surroundings: Surroundings) -> Progress:
        """Build the signal.

        Raises:
            ValueError: there is no model, or nobody knows how many updates it will
                have and gamma is not given.
        """
        gamma = self.gamma_for(surroundings.updates)
        return self._build(
            surroundings, lambda x: GeometricMean(x, gamma, self.warm_start)
        )

    def gamma_for(self, updates: int | None) -> float:
        """γ of a run with so many model updates; 2 at least are remembered.

        Raises:
            ValueError: they are not known, and `gamma` is not given.
        """
        if self.gamma is not None:
            return self.gamma
        if updates is None:
            raise ValueError(
                "gamma-progress takes gamma from the number of model updates of the "
                "run, which is not known here: give it, --curiosity.gamma 0.998 (in "
                "Python gamma=0.998, or the number as updates=) for some 2,750 updates "
                "(1 / (1 - gamma) = 18 % of them)"
            )
        return 1.0 - 1.0 / max(2.0, self.memory * updates)


@dataclass(frozen=True)
class DeltaProgressConfig(_ProgressConfig):
    """Reward what the model predicts better than it did some updates ago."""

    delta: int = 1
    """model updates; there are so many copies, and one"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("delta", self.delta)

    def build(self, surroundings: Surroundings) -> Progress:
        """Build the signal.

        Raises:
            ValueError: there is no model.
        """
        return self._build(
            surroundings, lambda x: StepsAgo(x, self.delta, self.warm_start)
        )
