"""Pictures of the parts of worlds: who was looked at, how well each is predicted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, MaxNLocator

from experiments.report.arms import Comparison
from experiments.report.canvas import (
    legend,
    panels,
    put_legend,
    save,
    slug,
    style_of,
    wrapped,
)
from experiments.report.curves import POINTS, Axis, Curves, axes_for, task_curves
from experiments.report.runs import LoadedRun
from experiments.runs.areas import color_of, draw_areas
from experiments.runs.panels import shares, smooth
from experiments.runs.scales import logarithmic

WATCHED = "watched/"
"""what the metrics begin with that are the model's loss on a part"""
FEW = 30
"""points of a line; of fewer than these each is marked"""
_WINDOW = 5  # of a hundred bins, over which shares are smoothed
_LETTERS = 60  # of a task's name in a file's


def draw_shares(comparison: Comparison, folder: Path) -> Iterator[Path]:
    """Shares of steps `share/<fact>/<name>` over frames; nothing where none are logged.

    A picture for each task and fact, a panel for each arm: areas on top of each other,
    means over the arm's runs, smoothed; what the world lists first lies at the bottom.
    """
    for i, task in enumerate(comparison.tasks, 1):
        arms = [comparison.runs(arm, task) for arm in comparison.arms]
        found: dict[str, dict[str, str]] = {}
        for run in (x for own in arms for x in own):
            for fact, metrics in shares(run.columns).items():
                found.setdefault(fact, {}).update(metrics)
        for fact, metrics in found.items():
            file = folder / f"shares-{slug(fact)}-{_named(i, task)}.png"
            about = f"{task}: {fact.replace('_', ' ')}, mean of n runs"
            yield _draw_shares(comparison.arms, arms, metrics, about, file)


def draw_watched(comparison: Comparison, folder: Path) -> Iterator[Path]:
    """Loss on each part `watched/<part>` over frames; nothing where none is logged.

    A picture for each task, a panel for each part: for each arm a line through the
    median of its runs, and their range.
    """
    for i, task in enumerate(comparison.tasks, 1):
        arms = [comparison.runs(arm, task) for arm in comparison.arms]
        every = [run for own in arms for run in own]
        metrics = dict.fromkeys(
            name
            for run in every
            for name in run.columns
            if name.startswith(WATCHED) and len(run.series(name)[0])
        )
        if metrics:
            file = folder / f"watched-{_named(i, task)}.png"
            yield _draw_watched(comparison.arms, arms, list(metrics), task, file)


def _draw_shares(
    names: Sequence[str],
    arms: Sequence[Sequence[LoadedRun]],
    metrics: dict[str, str],
    about: str,
    file: Path,
) -> Path:
    axis = axes_for([run for own in arms for run in own])[0]
    each = [task_curves(arms, metric, axis) for metric in metrics.values()]
    drawn = [
        (name, [x for x in curves if x is not None])
        for name, *curves in zip(names, *each, strict=True)
    ]
    drawn = [(name, curves) for name, curves in drawn if len(curves) == len(metrics)]
    figure, grid = panels(len(drawn), 1.9, sharey=True)
    for ax, (name, curves) in zip(grid, drawn, strict=True):
        means = np.stack([_mean(x) for x in curves])
        known = np.isfinite(means).all(0)
        smoothed = [smooth(x, _WINDOW) for x in means[:, known]]
        draw_areas(ax, curves[0].grid[known], smoothed, list(metrics))
        title = wrapped(f"{name} (n = {len(curves[0].runs)})", 40)
        _over_frames(ax, title, axis)
        ax.set_xlim(0, curves[0].grid[-1] + curves[0].grid[0])
    figure.supxlabel(axis.label, fontsize=10)
    figure.supylabel("share of steps", fontsize=10)
    patches = [Patch(color=color_of(i)) for i in range(len(metrics))]
    put_legend(figure, patches, list(metrics), about)
    return save(figure, file)


def _draw_watched(
    names: Sequence[str],
    arms: Sequence[Sequence[LoadedRun]],
    metrics: Sequence[str],
    task: str,
    file: Path,
) -> Path:
    axis = axes_for([run for own in arms for run in own])[0]
    runs: dict[str, list[int]] = {}
    figure, grid = panels(len(metrics), 2.8)
    for ax, metric in zip(grid, metrics, strict=True):
        for i, (name, own) in enumerate(zip(names, arms, strict=True)):
            logged = [run for run in own if len(run.series(metric)[0])]
            if logged:
                runs.setdefault(name, []).append(len(logged))
                _draw_range(ax, *_along(logged, metric, axis), i)
        logarithmic(ax)
        _over_frames(ax, metric.removeprefix(WATCHED), axis)
        ax.set_xlim(left=0)
    figure.supxlabel(axis.label, fontsize=10)
    figure.supylabel("loss of the world model", fontsize=10)
    legend(figure, names, runs, f"{task}: median and range of n runs")
    return save(figure, file)


def _along(
    runs: Sequence[LoadedRun], metric: str, axis: Axis
) -> tuple[Float[np.ndarray, "G"], Float[np.ndarray, "N G"]]:
    """Where any of the runs has values, and what each has there.

    Between its values a run is on the line between them (of their logarithms, if all
    are above zero); beyond them it is NaN.
    """
    series = [(axis.of(x, *x.series(metric)[:2]), x.series(metric)[2]) for x in runs]
    grid = np.unique(np.concatenate([x for x, _ in series]))
    if len(grid) > POINTS:
        grid = np.linspace(grid[0], grid[-1], POINTS)
    positive = all((y > 0).all() for _, y in series)
    there, back = (np.log, np.exp) if positive else (np.asarray, np.asarray)
    ends = {"left": np.nan, "right": np.nan}
    rows = [back(np.interp(grid, x, there(y), **ends)) for x, y in series]
    return grid, np.stack(rows)


def _draw_range(
    ax: Axes, grid: Float[np.ndarray, "G"], runs: Float[np.ndarray, "N G"], arm: int
) -> None:
    style, color = style_of(arm)
    marker = "o" if len(grid) < FEW else ""
    middle = np.nanmedian(runs, 0)
    ax.plot(
        grid, middle, style, marker=marker, markersize=3, color=color, linewidth=1.6
    )
    ends = (np.nanmin(runs, 0), np.nanmax(runs, 0))
    ax.fill_between(grid, *ends, color=color, alpha=0.12, linewidth=0)


def _mean(curves: Curves) -> Float[np.ndarray, "G"]:
    """Over the runs that go so far; NaN where none does."""
    known = np.isfinite(curves.runs)
    total = np.where(known, curves.runs, 0.0).sum(0)
    return np.where(known.any(0), total / known.sum(0).clip(min=1), np.nan)


def _over_frames(ax: Axes, title: str, axis: Axis) -> None:
    ax.set_title(title, loc="left", fontsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    if axis.slug == "frames":
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))


def _named(place: int, task: str) -> str:
    """Part of a file's name; by its number tasks of one name are told apart."""
    return f"{place}-{slug(task)[:_LETTERS].strip('-.')}"
