"""Is training still alive? Stops on numbers that are not finite, warns of collapse."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiments.runs.collapse import (
    CollapseLimits,
    Sign,
    peak,
    signs_of_latents,
    signs_of_pretraining,
)
from ssl_objectives.refusal import TrainingDiverged


def check_finite(metrics: Mapping[str, float]) -> None:
    """Refuse metrics that are NaN or infinite; call it before a checkpoint is saved.

    Raises:
        TrainingDiverged: names each such metric and its value.
    """
    bad = [f"{k} is {x}" for k, x in metrics.items() if not math.isfinite(x)]
    if bad:
        raise TrainingDiverged(
            f"Training has diverged: {'; '.join(bad)}. Start again with a "
            "learning rate 3 to 10 times smaller or a smaller bound on the gradient "
            "norm; if the world's rewards are large, normalise them; if bfloat16 is "
            "on, try float32."
        )


@dataclass(frozen=True)
class HealthLimits:
    """When `HealthMonitor` warns.

    Attributes:
        patience: updates in a row before a warning.
        entropy_fraction: of log(number of actions), for the policy's entropy.
        bonus_fraction: of its own maximum so far, for the spread of raw curiosity.
        collapse: of latents and projections.
    """

    patience: int = 5
    entropy_fraction: float = 0.05
    bonus_fraction: float = 1e-3
    collapse: CollapseLimits = field(default_factory=CollapseLimits)


_NEVER = 20  # updates in which curiosity has found everything alike


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
        self._largest: dict[str, float] = {}  # by metric
        self._first: dict[str, float] = {}
        self._low_for: dict[str, int] = {}
        self._warned: set[str] = set()

    def observe(self, metrics: Mapping[str, float]) -> list[str]:
        """Look at the metrics of one update; returns new warnings, usually none.

        Metrics that are missing from an update are not counted in either way.
        """
        collapse = self._limits.collapse
        signs = (
            *self._signs_of_learning(metrics),
            *signs_of_latents(metrics, self._latent_dim, collapse, self._largest),
            *signs_of_pretraining(metrics, collapse, self._largest, self._first),
        )
        return [sign.warning for sign in signs if self._newly_low(sign)]

    def state_dict(self) -> dict[str, Any]:
        """What it remembers, so that a resumed run is not warned anew."""
        return {
            "largest": dict(self._largest),
            "first": dict(self._first),
            "low_for": dict(self._low_for),
            "warned": sorted(self._warned),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on watching."""
        self._largest = dict(state["largest"])
        self._first = dict(state["first"])
        self._low_for = dict(state["low_for"])
        self._warned = set(state["warned"])

    def _signs_of_learning(self, metrics: Mapping[str, float]) -> Iterator[Sign]:
        """Of a policy that acts, and of what it is paid."""
        limits = self._limits
        name = "policy/entropy"
        if name in metrics and self._num_actions is not None and self._num_actions > 1:
            most = math.log(self._num_actions)
            yield Sign(
                name,
                metrics[name],
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
            largest = peak(self._largest, name, metrics[name])
            if largest == 0:
                yield Sign(name, 0.0, 1.0, _alike(name), _NEVER)
                continue
            yield Sign(
                name,
                metrics[name],
                limits.bonus_fraction * largest,
                f"The curiosity {name.split('/')[1]} no longer tells states apart: the "
                f"spread of what it measures is {metrics[name]:.3g}, after "
                f"{largest:.3g} at its largest. Either all that can be reached has "
                "been learned, or the world model has collapsed: see "
                "world_model/effective_rank.",
            )

    def _newly_low(self, sign: Sign) -> bool:
        name, low = sign.name, sign.value < sign.limit
        if sign.value >= 2 * sign.limit:
            self._warned.discard(name)
        self._low_for[name] = self._low_for.get(name, 0) + 1 if low else 0
        patience = sign.patience or self._limits.patience
        if self._low_for[name] < patience or name in self._warned:
            return False
        self._warned.add(name)
        return True


def _alike(name: str) -> str:
    return (
        f"The curiosity {name.split('/')[1]} finds everything alike: what it measures "
        "has had no spread yet. Does it look at what this world shows? (Where frames "
        "are one pixel, a signal must read the vector: docs/signals.md.) Learning "
        "progress begins some 100 gradient steps after the start."
    )
