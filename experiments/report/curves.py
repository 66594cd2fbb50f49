"""Learning curves of several runs, brought onto one grid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from agents.score_statistics import Band, curve_band
from experiments.report.runs import LoadedRun

POINTS = 100
_UNITS = (("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


@dataclass(frozen=True)
class Axis:
    """What curves are drawn over: `of` gives it from env steps and seconds."""

    label: str
    slug: str
    of: Callable[
        [LoadedRun, Float[np.ndarray, "N"], Float[np.ndarray, "N"]],
        Float[np.ndarray, "N"],
    ]


def axes_for(runs: Sequence[LoadedRun]) -> tuple[Axis, Axis]:
    """Frames (env steps where some run has not logged its frames), and time."""
    per_step = [x.frames_per_step for x in runs if x.steps]
    if all(x is not None for x in per_step) and any(x != 1 for x in per_step):
        over = Axis(
            "emulated frames, all envs together",
            "frames",
            lambda run, steps, _: steps * (run.frames_per_step or 1),
        )
    else:
        label = "env steps, all envs together"
        if all(x == 1 for x in per_step):
            label += " (one frame each)"
        over = Axis(label, "frames", lambda _, steps, __: steps)
    longest = max((x.seconds or 0.0 for x in runs), default=0.0)
    unit, length = next((x for x in _UNITS if longest >= 2 * x[1]), _UNITS[-1])
    time = Axis(f"{unit} of training", "time", lambda _, __, s: s / length)
    return over, time


@dataclass(frozen=True)
class Curves:
    """A metric of one arm in one task, over a grid that all arms of the task share.

    Attributes:
        grid: middles of the bins.
        runs: a row per run; NaN before its first and after its last value.
        band: interquartile mean over runs where all of them have values, else NaN; None
            if that is nowhere.
    """

    grid: Float[np.ndarray, "G"]
    runs: Float[np.ndarray, "N G"]
    band: Band | None


def task_curves(
    arms: Sequence[Sequence[LoadedRun]],
    metric: str,
    axis: Axis,
    points: int = POINTS,
) -> list[Curves | None]:
    """Curves of each arm in one task; None for arms that have nothing logged."""
    series = [[_over(run, metric, axis) for run in runs] for runs in arms]
    ends = [x[-1] for own in series for x, _ in own if len(x)]
    if not ends or max(ends) <= 0:
        return [None] * len(arms)
    edges = np.linspace(0, max(ends), points + 1)
    grid = (edges[1:] + edges[:-1]) / 2
    return [
        _curves(grid, [_binned(edges, x, y) for x, y in own if len(x)])
        for own in series
    ]


def _over(
    run: LoadedRun, metric: str, axis: Axis
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps, seconds, values = run.series(metric)
    return axis.of(run, steps, seconds), values


def _curves(
    grid: Float[np.ndarray, "G"], rows: Sequence[Float[np.ndarray, "G"]]
) -> Curves | None:
    if not rows:
        return None
    runs = np.stack(rows)
    whole = np.isfinite(runs).all(0)
    if not whole.any():
        return Curves(grid, runs, None)
    band = curve_band(runs[:, whole])
    value = _spread(band.value, whole)
    if band.low is None or band.high is None:
        return Curves(grid, runs, Band(value, None, None))
    low, high = _spread(band.low, whole), _spread(band.high, whole)
    return Curves(grid, runs, Band(value, low, high))


def _spread(
    values: Float[np.ndarray, "K"], where: NDArray[np.bool_]
) -> Float[np.ndarray, "G"]:
    result = np.full(len(where), np.nan)
    result[where] = values
    return result


def _binned(
    edges: Float[np.ndarray, "G+1"],
    x: Float[np.ndarray, "N"],
    y: Float[np.ndarray, "N"],
) -> Float[np.ndarray, "G"]:
    """Means within bins; empty bins lie on the line between their neighbours."""
    points = len(edges) - 1
    place = np.clip(np.searchsorted(edges, x, side="left") - 1, 0, points - 1)
    count = np.bincount(place, minlength=points)
    filled = count > 0
    middles = (edges[1:] + edges[:-1]) / 2
    means = np.bincount(place, y, points)[filled] / count[filled]
    line = np.interp(middles, middles[filled], means, left=np.nan, right=np.nan)
    return np.asarray(line)
