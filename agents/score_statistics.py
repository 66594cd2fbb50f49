"""Statistics for few runs, as in Agarwal et al. 2021, arXiv 2108.13264.

Interquartile mean, stratified bootstrap confidence intervals, probability of
improvement, optimality gap and performance profile. They are written here in numpy,
since the authors' library (rliable 1.2.0) takes only score matrices where each task has
equally many runs, and needs an arch that fails to import beside pandas 3. Where it
applies, the numbers are the same: the interquartile mean cuts floor(N / 4) values from
each end, as `scipy.stats.trim_mean` does, and intervals are percentiles of the
resampled statistic.

All draws come from a fixed seed, so that a report repeats exactly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

DRAWS = 10_000
LEVEL = 0.95  # of all intervals
LEAST_RUNS = 3  # in a task, below which there is no interval
ENOUGH_RUNS = 5  # in a task, below which intervals come out much too narrow
_SEED = 0

Scores = Mapping[str, Float[np.ndarray, "_"]]
"""the scores of one arm: a value per run, by task"""
Statistic = Callable[
    [Sequence[Float[np.ndarray, "*draws _"]]], Float[np.ndarray, "*draws"]
]
"""from the scores of each task, whose numbers of runs may differ"""


@dataclass(frozen=True)
class Estimate:
    """A statistic, and its 95 % confidence interval where there are runs enough.

    Attributes:
        value: of the scores as they are.
        low: end of the interval; None with fewer than 3 runs in some task.
        high: the other end.
        least_runs: of the task (and arm) that has the fewest.
    """

    value: float
    low: float | None
    high: float | None
    least_runs: int


def interquartile_mean(
    tasks: Sequence[Float[np.ndarray, "*draws _"]],
) -> Float[np.ndarray, "*draws"]:
    """Mean of the middle half of all runs of all tasks together."""
    ordered = np.sort(np.concatenate(tasks, axis=-1), axis=-1)
    runs = ordered.shape[-1]
    return np.asarray(ordered[..., runs // 4 : runs - runs // 4].mean(-1))


def mean(
    tasks: Sequence[Float[np.ndarray, "*draws _"]],
) -> Float[np.ndarray, "*draws"]:
    """Mean over tasks of the mean over runs."""
    return np.asarray(np.mean([x.mean(-1) for x in tasks], axis=0))


def median(
    tasks: Sequence[Float[np.ndarray, "*draws _"]],
) -> Float[np.ndarray, "*draws"]:
    """Median over tasks of the mean over runs."""
    return np.asarray(np.median([x.mean(-1) for x in tasks], axis=0))


def optimality_gap(
    tasks: Sequence[Float[np.ndarray, "*draws _"]],
) -> Float[np.ndarray, "*draws"]:
    """How far normalised scores fall short of 1 on average; above 1 counts as 1."""
    return np.asarray(1 - mean([np.minimum(x, 1) for x in tasks]))


def estimate(
    scores: Scores, statistic: Statistic = interquartile_mean, draws: int = DRAWS
) -> Estimate:
    """A statistic of one arm; runs are resampled within each task.

    Raises:
        ValueError: no task, or one without runs.
    """
    _check(scores)
    tasks = list(scores.values())
    least = min(map(len, tasks))
    value = float(statistic(tasks))
    if least < LEAST_RUNS:
        return Estimate(value, None, None, least)
    low, high = _interval(statistic(_resampled(tasks, draws, _generator())))
    return Estimate(value, float(low), float(high), least)


def probability_of_improvement(
    better: Scores, than: Scores, draws: int = DRAWS
) -> Estimate:
    """Chance that a run of `better` scores higher than one of `than`.

    Taken within each task, ties counting one half, then averaged over the tasks that
    both have; runs of both are resampled within each task.

    Raises:
        ValueError: no task in common, or one without runs.
    """
    common = [task for task in better if task in than]
    left = {task: better[task] for task in common}
    right = {task: than[task] for task in common}
    _check(left)
    _check(right)
    value = float(_share_of_wins(list(left.values()), list(right.values())))
    least = min(map(len, [*left.values(), *right.values()]))
    if least < LEAST_RUNS:
        return Estimate(value, None, None, least)
    generator = _generator()
    low, high = _interval(
        _share_of_wins(
            _resampled(list(left.values()), draws, generator),
            _resampled(list(right.values()), draws, generator),
        )
    )
    return Estimate(value, float(low), float(high), least)


@dataclass(frozen=True)
class Band:
    """A curve with an interval at each of its points; ends None as in `Estimate`."""

    value: Float[np.ndarray, "G"]
    low: Float[np.ndarray, "G"] | None
    high: Float[np.ndarray, "G"] | None


def performance_profile(
    scores: Scores, thresholds: Float[np.ndarray, "G"], draws: int = 2_000
) -> Band:
    """Share of runs that score above each threshold, averaged over tasks.

    Raises:
        ValueError: no task, or one without runs.
    """
    _check(scores)
    tasks = list(scores.values())

    def shares(
        drawn: Sequence[Float[np.ndarray, "*draws _"]],
    ) -> Float[np.ndarray, "*draws G"]:
        above: list[Bool[np.ndarray, "*draws G N"]] = [
            x[..., None, :] > thresholds[:, None] for x in drawn
        ]
        return mean([x.astype(np.float64) for x in above])

    value = shares(tasks)
    if min(map(len, tasks)) < LEAST_RUNS:
        return Band(value, None, None)
    low, high = _interval(shares(_resampled(tasks, draws, _generator())))
    return Band(value, low, high)


def curve_band(curves: Float[np.ndarray, "N G"], draws: int = 2_000) -> Band:
    """Interquartile mean over runs at each point of a grid; whole runs are resampled.

    Raises:
        ValueError: no run.
    """
    runs = len(curves)
    if not runs:
        raise ValueError("a band needs a run at least")
    value = interquartile_mean([curves.T])
    if runs < LEAST_RUNS:
        return Band(value, None, None)
    picked = _generator().integers(runs, size=(draws, runs))
    drawn = np.moveaxis(curves[picked], 1, 2)  # [draws, G, N]
    low, high = _interval(interquartile_mean([drawn]))
    return Band(value, low, high)


def _share_of_wins(
    left: Sequence[Float[np.ndarray, "*draws _"]],
    right: Sequence[Float[np.ndarray, "*draws _"]],
) -> Float[np.ndarray, "*draws"]:
    shares = []
    for x, y in zip(left, right, strict=True):
        x, y = x[..., :, None], y[..., None, :]
        shares.append((x > y).mean((-2, -1)) + (x == y).mean((-2, -1)) / 2)
    return np.asarray(np.mean(shares, axis=0))


def _resampled(
    tasks: Sequence[Float[np.ndarray, "_"]], draws: int, generator: np.random.Generator
) -> list[Float[np.ndarray, "_ _"]]:
    """For each task, its runs drawn with replacement from that task alone."""
    return [x[generator.integers(len(x), size=(draws, len(x)))] for x in tasks]


def _interval(
    drawn: Float[np.ndarray, "_ *shape"],
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return np.asarray(low), np.asarray(high)


def _generator() -> np.random.Generator:
    return np.random.default_rng(_SEED)


def _check(scores: Scores) -> None:
    if not scores or not all(map(len, scores.values())):
        raise ValueError("statistics need a task at least, and a run in each")
