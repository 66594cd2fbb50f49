"""Demonstrations cut into steps: runs of frames that look alike."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from ssl_objectives.refusal import ConfigError


class Score(ABC):
    """What a segmentation is judged by: the sum of what its steps cost."""

    @abstractmethod
    def seen(
        self, features: Float[Tensor, "T F"], unit: Float[Tensor, "F"]
    ) -> Float[Tensor, "T F"]:
        """What is compared, of standardised features and their spread in their depth.

        Args:
            features: in units of their own spread over all frames.
            unit: that spread, in units of that of all features of the same depth.
        """

    @abstractmethod
    def cost(
        self, variance: Float64[Tensor, "num F"], frames: Int64[Tensor, "num"]
    ) -> Float64[Tensor, "num"]:
        """What runs of so many frames cost, in which features vary so much."""


@dataclass(frozen=True)
class SquaredDeviation(Score):
    """`Σ_i T_i mean_d var_d(step i)`: every frame counts alike.

    The squared deviation of frames from the mean of their step, as in k-means. Features
    keep their size within their depth: one that is lit for a moment has a small spread,
    and would count as much as any other if it were standardised.
    """

    def seen(
        self, features: Float[Tensor, "T F"], unit: Float[Tensor, "F"]
    ) -> Float[Tensor, "T F"]:
        """Features in the units of their depth."""
        return features * unit

    def cost(
        self, variance: Float64[Tensor, "num F"], frames: Int64[Tensor, "num"]
    ) -> Float64[Tensor, "num"]:
        """Squared deviation, summed over frames."""
        return frames * variance.mean(1)


@dataclass(frozen=True)
class MeanSpread(Score):
    """`Σ_i mean_d std_d(step i)`: every step counts alike, as published (1612.06699).

    A step of few frames has a small spread, and counts as much as a long one: so the
    best often has one long step, and others as short as they may be.
    """

    def seen(
        self, features: Float[Tensor, "T F"], unit: Float[Tensor, "F"]
    ) -> Float[Tensor, "T F"]:
        """Standardised features."""
        return features

    def cost(
        self, variance: Float64[Tensor, "num F"], frames: Int64[Tensor, "num"]
    ) -> Float64[Tensor, "num"]:
        """Spread, averaged over features."""
        return variance.sqrt().mean(1)


class Segmentation(ABC):
    """Cuts the features of a demonstration into steps.

    Attributes:
        score: what is to be small.
    """

    score: Score

    @abstractmethod
    def starts(self, features: Float[Tensor, "T F"], steps: int) -> Int64[Tensor, "n"]:
        """The first frame of each of `steps` steps; the first is 0.

        Args:
            features: as the score sees them.

        Raises:
            ConfigError: too few frames for so many steps.
        """


@dataclass(frozen=True)
class ExactSegmentation(Segmentation):
    """The best segmentation that there is, by dynamic programming.

    The authors' exact recursion tries the same cuts and remembers nothing; the result
    is the same. `O(T² F)` for the costs of all runs of frames, `O(n T²)` for the cuts.
    """

    least: int | None = None
    """frames that a step has at least; none: half of what equal steps would have"""
    score: Score = field(default_factory=SquaredDeviation)
    """what is to be small"""

    def __post_init__(self) -> None:
        _check(self.least)

    def starts(self, features: Float[Tensor, "T F"], steps: int) -> Int64[Tensor, "n"]:
        """The segmentation that costs least; of several, the earliest cuts."""
        least = shortest(self.least, len(features), steps)
        cost = costs(features, least, self.score)
        total, came = cost[0], []
        for _ in range(steps - 1):
            total, at = (total[:-1, None] + cost).min(0)
            came.append(at)
        end, starts = len(features), []
        for at in reversed(came):
            end = int(at[end])
            starts.append(end)
        return torch.tensor([0, *reversed(starts)])


@dataclass(frozen=True)
class GreedySegmentation(Segmentation):
    """The best cut, then the best further cut, and so on; none is taken back.

    `O(n T F)`: for demonstrations of thousands of frames.
    """

    least: int | None = None
    """frames that a step has at least; none: half of what equal steps would have"""
    score: Score = field(default_factory=SquaredDeviation)
    """what is to be small"""

    def __post_init__(self) -> None:
        _check(self.least)

    def starts(self, features: Float[Tensor, "T F"], steps: int) -> Int64[Tensor, "n"]:
        """Steps after `steps - 1` cuts, each the best of those that are left."""
        num = len(features)
        least = shortest(self.least, num, steps)
        sums = _Sums(features, self.score)
        starts = [0]
        while len(starts) < steps:
            best: tuple[float, int] | None = None
            for start, stop in zip(starts, [*starts[1:], num], strict=True):
                cuts = _cuts(start, stop, starts, num, least, steps)
                if not len(cuts):
                    continue
                whole = sums.cost(torch.tensor([start]), torch.tensor([stop]))
                parts = sums.cost(torch.full_like(cuts, start), cuts)
                parts = parts + sums.cost(cuts, torch.full_like(cuts, stop))
                gain, at = (parts - whole).min(0)
                if best is None or float(gain) < best[0]:
                    best = float(gain), int(cuts[int(at)])
            assert best is not None  # a cut is taken only where room is left
            starts = sorted([*starts, best[1]])
        return torch.tensor(starts)


def shortest(least: int | None, frames: int, steps: int) -> int:
    """How many frames a step has at least.

    Raises:
        ConfigError: no step at all, or too few frames for so many.
    """
    if steps < 1:
        raise ConfigError(f"A demonstration has at least one step, not {steps}.")
    length = max(1, frames // (2 * steps)) if least is None else least
    if length * steps > frames:
        raise ConfigError(
            f"A demonstration of {frames} frames cannot be cut into {steps} steps of "
            f"at least {length}. Take fewer steps{', or shorter ones' * (length > 1)}, "
            "or more of its frames."
        )
    return length


def labels_of(starts: Int64[Tensor, "n"], frames: int) -> Int64[Tensor, "num"]:
    """Which step each of `frames` frames belongs to, from 0."""
    at = torch.arange(frames)
    return (at[:, None] >= starts.cpu()).sum(1) - 1


def costs(
    features: Float[Tensor, "T F"], least: int, score: Score
) -> Float64[Tensor, "T T+1"]:
    """What the frames from row to column cost as a step; infinite where too few."""
    num, sums = len(features), _Sums(features, score)
    cost = torch.full((num, num + 1), torch.inf, dtype=torch.float64)
    for start in range(num - least + 1):
        stops = torch.arange(start + least, num + 1)
        one = sums.cost(torch.full_like(stops, start), stops)
        cost[start, start + least :] = one.cpu()
    return cost


class _Sums:
    """Sums of features and of their squares up to each frame: variances at once."""

    def __init__(self, features: Float[Tensor, "T F"], score: Score) -> None:
        centred = features.double()
        centred = centred - centred.mean(0)  # else squares would cancel
        self.first, self.second = _up_to(centred), _up_to(centred.square())
        self.score = score

    def cost(
        self, start: Int64[Tensor, "num"], stop: Int64[Tensor, "num"]
    ) -> Float64[Tensor, "num"]:
        """What frames start … stop - 1 cost; with variances of the population."""
        start, stop = start.to(self.first.device), stop.to(self.first.device)
        number = (stop - start)[:, None]
        mean = (self.first[stop] - self.first[start]) / number
        square = (self.second[stop] - self.second[start]) / number
        variance = (square - mean.square()).clamp(min=0.0)
        return self.score.cost(variance, stop - start)


def _up_to(x: Float64[Tensor, "T F"]) -> Float64[Tensor, "T+1 F"]:
    return torch.cat([torch.zeros_like(x[:1]), x.cumsum(0)])


def _cuts(
    start: int, stop: int, starts: list[int], frames: int, least: int, steps: int
) -> Int64[Tensor, "num"]:
    """Where the step from `start` to `stop` can be cut, so that all others fit in."""
    ends = [*starts[1:], frames]
    others = sum(
        (b - a) // least - 1 for a, b in zip(starts, ends, strict=True) if a != start
    )
    wanted = steps - len(starts) - 1 - others
    cuts = torch.arange(start + least, max(stop, start + least))
    behind = (stop - cuts) // least
    fits = (behind >= 1) & ((cuts - start) // least + behind - 2 >= wanted)
    return cuts[fits]


def _check(least: int | None) -> None:
    if least is not None and least < 1:
        raise ConfigError(f"A step has at least one frame: least must not be {least}.")
