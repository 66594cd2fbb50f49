"""The pictures of a report."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from agents.score_statistics import ENOUGH_RUNS, performance_profile
from experiments.report.arms import Comparison
from experiments.report.canvas import (
    Dashes,
    legend,
    panels,
    save,
    slug,
    style_of,
    wrapped,
)
from experiments.report.curves import Axis, Curves, axes_for, task_curves
from experiments.report.numbers import ArmInTask, Numbers

MOST_PAIRS = 15  # in a picture
_MANY = 15  # arms, above which rows are narrow
_BAR: dict[str, Any] = {"linewidth": 5, "alpha": 0.35, "solid_capstyle": "butt"}


def draw_curves(comparison: Comparison, metric: str, folder: Path) -> Iterator[Path]:
    """Learning curves over frames and over time; nothing where none are logged.

    A panel per task: a thin line per run, a thick one for the interquartile mean of an
    arm as far as all its runs go, and its 95 % interval where it has 3 runs.
    """
    for axis in axes_for([x.run for x in comparison.entries]):
        drawn = {
            task: task_curves(
                [comparison.runs(arm, task) for arm in comparison.arms], metric, axis
            )
            for task in comparison.tasks
        }
        drawn = {task: x for task, x in drawn.items() if any(x)}
        if drawn:
            file = folder / f"curves-{slug(metric)}-{axis.slug}.png"
            yield _draw_tasks(comparison, metric, axis, drawn, file)


def draw_scores(comparison: Comparison, numbers: Numbers, folder: Path) -> Path | None:
    """Final values: a dot per run, the interquartile mean and its interval per arm."""
    arms = comparison.arms
    tasks = [
        x for x in comparison.tasks if any(c.task == x for c in numbers.arms_in_tasks)
    ]
    if not tasks:
        return None
    each = 0.45 if len(arms) <= _MANY else 0.25  # inches
    figure, grid = panels(len(tasks), 0.7 + each * len(arms), sharey=True)
    for ax, task in zip(grid, tasks, strict=True):
        for arm in numbers.arms_in_tasks:
            if arm.task == task:
                row = arms.index(arm.arm)
                _draw_arm_in_task(ax, row, arm, style_of(row)[1])
        ax.set_title(task, loc="left", fontsize=10)
        ax.set_yticks(range(len(arms)), [wrapped(x) for x in arms], fontsize=9)
        ax.set_ylim(len(arms) - 0.4, -0.6)
        ax.margins(x=0.08)
    figure.supxlabel(_label(numbers), fontsize=10)
    return save(figure, folder / f"scores-{slug(numbers.metric)}.png")


def draw_profile(comparison: Comparison, numbers: Numbers, folder: Path) -> Path | None:
    """Share of runs above each score; None where it would say nothing.

    It needs scores of one unit (a single task, or normalised) in the same tasks for all
    arms, and five runs of an arm.
    """
    scores = {arm: numbers.scores(arm) for arm in comparison.arms}
    scores = {arm: own for arm, own in scores.items() if own}
    tasks = {x.task for x in numbers.arms_in_tasks}
    runs = {arm: [sum(map(len, own.values()))] for arm, own in scores.items()}
    if not scores:
        return None
    comparable = numbers.normalized or len(tasks) == 1
    complete = all(set(own) == tasks for own in scores.values())
    if not (comparable and complete and max(map(max, runs.values())) >= ENOUGH_RUNS):
        return None
    every = np.concatenate([x for own in scores.values() for x in own.values()])
    margin = 0.05 * (float(np.ptp(every)) or 1.0)
    thresholds = np.linspace(every.min() - margin, every.max() + margin, 200)
    figure, [ax] = panels(1, 3.4)
    for arm, own in scores.items():
        style, color = style_of(comparison.arms.index(arm))
        profile = performance_profile(own, thresholds)
        ax.plot(thresholds, profile.value, style, color=color, linewidth=1.8)
        if profile.low is not None and profile.high is not None:
            ends = (profile.low, profile.high)
            ax.fill_between(thresholds, *ends, color=color, alpha=0.15, lw=0)
    ax.set_xlabel(f"τ: {_label(numbers)}")
    ax.set_ylabel("share of runs above τ")
    ax.margins(x=0)
    legend(figure, comparison.arms, runs, "95 % intervals of n runs")
    return save(figure, folder / f"profile-{slug(numbers.metric)}.png")


def draw_improvement(numbers: Numbers, folder: Path) -> Path | None:
    """Probability of improvement of each pair of arms.

    None where there is no pair, or more than a picture can show: the table has them.
    """
    pairs = numbers.pairs
    if not 0 < len(pairs) <= MOST_PAIRS:
        return None
    figure, [ax] = panels(1, 0.5 + 0.6 * len(pairs))
    for row, pair in enumerate(pairs):
        chance = pair.probability
        if chance.low is not None and chance.high is not None:
            ends = [chance.low, chance.high]
            ax.plot(ends, [row, row], "-", color="#0072b2", **_BAR)
        ax.plot(chance.value, row, "o", color="#0072b2", markersize=6)
    ax.axvline(0.5, color="#888888", linewidth=1, linestyle="--")
    names = [f"{wrapped(x.arm)}\nabove {wrapped(x.than)}" for x in pairs]
    ax.set_yticks(range(len(pairs)), names, fontsize=9)
    ax.set_ylim(len(pairs) - 0.4, -0.6)
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel(f"probability of a higher {numbers.metric}")
    return save(figure, folder / f"improvement-{slug(numbers.metric)}.png")


def _draw_tasks(
    comparison: Comparison,
    metric: str,
    axis: Axis,
    drawn: Mapping[str, Sequence[Curves | None]],
    file: Path,
) -> Path:
    figure, grid = panels(len(drawn), 3.0)
    runs: dict[str, list[int]] = {}
    for ax, (task, arms) in zip(grid, drawn.items(), strict=True):
        for i, (arm, curves) in enumerate(zip(comparison.arms, arms, strict=True)):
            if curves is not None:
                _draw_arm(ax, curves, *style_of(i))
                runs.setdefault(arm, []).append(len(curves.runs))
        ax.set_title(task, loc="left", fontsize=10)
        ax.set_xlim(left=0)
        if axis.slug == "frames":
            ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.supxlabel(axis.label, fontsize=10)
    figure.supylabel(metric, fontsize=10)
    title = "interquartile mean and 95 % interval of n runs; thin: each run"
    legend(figure, comparison.arms, runs, title)
    return save(figure, file)


def _draw_arm(ax: Axes, curves: Curves, style: Dashes, color: str) -> None:
    for run in curves.runs:
        marker = _marker(run)
        ax.plot(curves.grid, run, marker=marker, color=color, alpha=0.35, linewidth=0.7)
    if curves.band is None:
        return
    band = curves.band
    marker = _marker(band.value)
    ax.plot(curves.grid, band.value, style, marker=marker, color=color, linewidth=2)
    if band.low is not None and band.high is not None:
        ends = (band.low, band.high)
        ax.fill_between(curves.grid, *ends, color=color, alpha=0.15, linewidth=0)


def _marker(values: Float[np.ndarray, "G"]) -> str:
    """A point by itself makes no line."""
    return "o" if np.isfinite(values).sum() == 1 else ""


def _draw_arm_in_task(ax: Axes, row: int, arm: ArmInTask, color: str) -> None:
    """The interval above, the runs below it, so that neither hides the other."""
    rows = np.full(len(arm.scores), row + 0.18)
    ax.plot(
        arm.scores, rows, "o", color=color, markersize=4, alpha=0.6, markeredgewidth=0
    )
    middle = row - 0.1
    if arm.iqm.low is not None and arm.iqm.high is not None:
        ends = [arm.iqm.low, arm.iqm.high]
        ax.plot(ends, [middle, middle], "-", color=color, **_BAR)
    ax.plot(arm.iqm.value, middle, "|", color=color, markersize=11, markeredgewidth=2.2)


def _label(numbers: Numbers) -> str:
    return f"{numbers.metric}{', normalised' if numbers.normalized else ''}"
