"""Annealing schedules: linear, exponential or stepwise, from 1 to a final share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Annealing(ABC):
    """A schedule that brings a share from 1 to its final value."""

    until: float = 0.5
    """share of the run after which the final value is reached"""

    def __post_init__(self) -> None:
        if not 0 < self.until <= 1:
            raise ValueError(f"until must be in (0, 1], not {self.until}")

    def at(self, progress: float, final: float) -> float:
        """The share when `progress` of the run is done; `final` > 0 from `until` on."""
        return (
            final
            if progress >= self.until
            else self._on_the_way(progress / self.until, final)
        )

    @abstractmethod
    def _on_the_way(self, done: float, final: float) -> float:
        """From 1 at `done` = 0 towards `final` at `done` = 1."""


@dataclass(frozen=True)
class Linear(Annealing):
    """The same amount less every step."""

    def _on_the_way(self, done: float, final: float) -> float:
        return 1 + (final - 1) * done


@dataclass(frozen=True)
class Exponential(Annealing):
    """The same factor less every step."""

    def _on_the_way(self, done: float, final: float) -> float:
        return float(final**done)


@dataclass(frozen=True)
class Stairs(Annealing):
    """The same amount less at every one of a few moments."""

    stairs: int = 5
    """moments, the last of which is `until`"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stairs < 1:
            raise ValueError(f"stairs must be at least 1, not {self.stairs}")

    def _on_the_way(self, done: float, final: float) -> float:
        return 1 + (final - 1) * int(done * self.stairs) / self.stairs
