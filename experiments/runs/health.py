"""Is training still alive? Stops on numbers that are not finite, warns of collapse."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ssl_objectives.refusal import TrainingDiverged


def check_finite(metrics: Mapping[str, float]) -> None:
    """Refuse metrics that are NaN or infinite; call it before a checkpoint is saved.

    Raises:
        TrainingDiverged: names each such metric and its value.
    """
    bad = [f"{k} is {x}" for k, x in metrics.items() if not math.isfinite(x)]
    if bad:
        raise TrainingDiverged(
            f"Training has diverged: {'; '.join(bad)}. The latest checkpoint is from "
            "before. Start again with a learning rate 3 to 10 times smaller or a "
            "smaller bound on the gradient norm; if the world's rewards are large, "
            "normalise them; if bfloat16 is on, try float32."
        )


@dataclass(frozen=True)
class HealthLimits:
    """When `HealthMonitor` warns.

    Attributes:
        patience: updates in a row before a warning.
        entropy_fraction: of log(number of actions), for the policy's entropy.
        bonus_fraction: of its own maximum so far, for the spread of raw curiosity.
        rank_fraction: of the latent's dimension, for its effective rank.
        least_rank: an effective rank below this is collapse in any dimension.
        least_spread: latents closer to their mean than this share of their size have
            collapsed onto a point; on Atari they begin at 0.05 to 0.2.
    """

    patience: int = 5
    entropy_fraction: float = 0.05
    bonus_fraction: float = 1e-3
    rank_fraction: float = 0.01
    least_rank: float = 1.5
    least_spread: float = 1e-3


class HealthMonitor:
    """Turns the metrics of one update after another into warnings in plain words.

    Each warning is given once, and again only after the quantity had recovered: had
    been at twice the limit or more.
    """

    def __init__(
        self,
        num_actions: int | None = None,
        latent_dim: int | None = None,
        limits: HealthLimits | None = None,
    ) -> None:
        """Begin to watch.

        Args:
            num_actions: of a discrete policy; None (continuous) leaves entropy alone.
            latent_dim: of the world model; None leaves the rank alone.
            limits: when to warn.
        """
        self._limits = limits or HealthLimits()
        self._num_actions = num_actions
        self._latent_dim = latent_dim
        self._largest: dict[str, float] = {}  # spread of each signal
        self._low_for: dict[str, int] = {}
        self._warned: set[str] = set()

    def observe(self, metrics: Mapping[str, float]) -> list[str]:
        """Look at the metrics of one update; returns new warnings, usually none.

        Metrics that are missing from an update are not counted in either way.
        """
        return [
            warning
            for name, limit, warning in (
                *self._rules(metrics),
                *self._embedding_rules(metrics),
            )
            if self._newly_low(name, metrics[name], limit)
        ]

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, so that a resumed run is not warned anew."""
        return {
            "largest": dict(self._largest),
            "low_for": dict(self._low_for),
            "warned": sorted(self._warned),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on watching."""
        self._largest = dict(state["largest"])
        self._low_for = dict(state["low_for"])
        self._warned = set(state["warned"])

    def _rules(self, metrics: Mapping[str, float]) -> Iterable[tuple[str, float, str]]:
        """Metric, its lower limit, and what it means to be below."""
        limits = self._limits
        name = "policy/entropy"
        if name in metrics and self._num_actions is not None and self._num_actions > 1:
            most = math.log(self._num_actions)
            yield (
                name,
                limits.entropy_fraction * most,
                f"The policy has all but stopped trying other actions: its entropy is "
                f"{metrics[name]:.3g} of at most {most:.3g}. It will hardly explore "
                "from here; a larger entropy bonus or a smaller learning rate helps.",
            )
        # what is measured, not what is paid: a bonus above a running mean is 0 for as
        # long as the model learns faster than the mean follows
        for name in metrics:
            if not (name.startswith("intrinsic/") and name.endswith("/raw_std")):
                continue
            largest = max(self._largest.get(name, 0.0), metrics[name])
            self._largest[name] = largest
            yield (
                name,
                limits.bonus_fraction * largest,
                f"The curiosity {name.split('/')[1]} no longer tells states apart: the "
                f"spread of what it measures is {metrics[name]:.3g}, after "
                f"{largest:.3g} at its largest. Either all that can be reached has "
                "been learned, or the world model has collapsed: see "
                "world_model/effective_rank.",
            )
        name = "world_model/effective_rank"
        if name in metrics and self._latent_dim is not None:
            yield (
                name,
                max(limits.least_rank, limits.rank_fraction * self._latent_dim),
                f"The world model's latents have collapsed: they use about "
                f"{metrics[name]:.3g} of {self._latent_dim} dimensions, so prediction "
                "is easy and the bonus means little. An objective with a variance "
                "term, a slower target or a smaller learning rate helps.",
            )
        name = "world_model/latent_spread"
        if name in metrics:
            yield (
                name,
                limits.least_spread,
                f"The world model's latents have all but become one point: they differ "
                f"from their mean by {metrics[name]:.2g} of their size, so prediction "
                "is easy and the bonus means little. An objective with a variance "
                "term, a slower target or a smaller learning rate helps.",
            )

    def _embedding_rules(
        self, metrics: Mapping[str, float]
    ) -> Iterable[tuple[str, float, str]]:
        """Of an encoder that is pretrained."""
        limits = self._limits
        advice = (
            "A predictor and a slower target, a term for variance, or a smaller "
            "learning rate helps."
        )
        name = "projection/effective_rank"
        if name in metrics:
            yield (
                name,
                limits.least_rank,
                f"The projections have collapsed: they use about {metrics[name]:.3g} "
                f"directions, so the loss says little. {advice}",
            )
        name = "projection/spread"
        if name in metrics:
            yield (
                name,
                limits.least_spread,
                "The projections have all but become one point: they differ from their "
                f"mean by {metrics[name]:.2g} of their size. {advice}",
            )

    def _newly_low(self, name: str, value: float, limit: float) -> bool:
        if value >= 2 * limit:
            self._warned.discard(name)
        self._low_for[name] = self._low_for.get(name, 0) + 1 if value < limit else 0
        if self._low_for[name] < self._limits.patience or name in self._warned:
            return False
        self._warned.add(name)
        return True
