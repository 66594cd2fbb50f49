"""Schedules: how a learning rate rises at first, and how it falls from then on.

All of it is a function of how much of a run is done and nothing else, so that there is
no state to save.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ssl_objectives.refusal import ConfigError


@runtime_checkable
class Fall(Protocol):
    """Describes how a rate falls: a dataclass whose fields are its settings."""

    def share(self, done: float) -> float:
        """Share of the highest rate when a share `done` of the way down is done."""


@dataclass(frozen=True)
class Cosine:
    """Along half a cosine (1608.03983, without restarts), as in most papers.

    `last + (1 - last) (cos(π done) + 1) / 2`.
    """

    last: float = 0.0
    """share of the highest rate that is left in the end (Barlow Twins: 0.001)"""

    def __post_init__(self) -> None:
        if not 0 <= self.last <= 1:
            raise ConfigError(
                "--optimizer.fall.last must be between 0 and 1: it is a share of the "
                f"highest rate, not {self.last}"
            )

    def share(self, done: float) -> float:
        """Share of the highest rate when a share `done` of the way down is done."""
        return self.last + (1 - self.last) * (math.cos(math.pi * done) + 1) / 2


@dataclass(frozen=True)
class Stairs:
    """By a factor at each of some points: MoCo v1, linear probes."""

    at: tuple[float, ...] = (0.6, 0.8)
    """shares of the way where it falls (MoCo v1: epochs 120 and 160 of 200)"""
    factor: float = 0.1
    """what it is multiplied by there"""

    def __post_init__(self) -> None:
        if not all(0 < x < 1 for x in self.at):
            raise ConfigError(
                "--optimizer.fall.at must lie between 0 and 1: shares of the steps, "
                f"not {self.at}"
            )
        if not 0 < self.factor < math.inf:
            raise ConfigError(
                f"--optimizer.fall.factor must be above 0 and finite, not {self.factor}"
            )

    def share(self, done: float) -> float:
        """Share of the highest rate when a share `done` of the way down is done."""
        return float(self.factor ** sum(done >= x for x in self.at))


@dataclass(frozen=True)
class Level:
    """Not at all: the rate stays as it is."""

    def share(self, done: float) -> float:
        """All of it."""
        return 1.0


def share_of_rate(done: float, warm_up: float, fall: Fall) -> float:
    """Share of the highest rate: in a line from 0 to 1, then as it falls.

    Args:
        done: share of all steps that is done.
        warm_up: share of all steps in which it rises.
        fall: how it falls in the rest of them.
    """
    if done < warm_up:
        return done / warm_up
    return fall.share((done - warm_up) / (1 - warm_up))
