"""One picture of a run: what it earned, what made it curious, what it has seen."""

import os
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Curve:
    """A metric that is drawn raw and smoothed, or point by point."""

    metric: str
    label: str
    color: str
    points: bool = False  # few exact values instead of many noisy ones


_COLORS = ("#009e73", "#0072b2", "#d55e00", "#cc79a7", "#56b4e9")

_PANELS: tuple[tuple[str, tuple[_Curve, ...]], ...] = (
    (
        "Return per episode",
        (
            _Curve("episode/return", "training", "#0072b2"),
            _Curve("evaluate/return_mean", "evaluation", "#d55e00", points=True),
        ),
    ),
    (
        "Intrinsic reward per step",
        (_Curve("intrinsic/*/reward_mean", "normalised", "#009e73"),),
    ),
    (
        "Intrinsic reward before normalisation",
        (_Curve("intrinsic/*/raw_mean", "raw", "#7a6a00"),),
    ),
    (
        "Rooms visited in evaluation",
        (_Curve("evaluate/rooms", "rooms", "#cc79a7", points=True),),
    ),
    (
        "Rooms visited per episode of evaluation",
        (
            _Curve("evaluate/rooms_per_episode", "agent", "#cc79a7", points=True),
            _Curve("random/rooms_per_episode", "random play", "#777777", points=True),
        ),
    ),
    (
        "Cells visited in evaluation",
        (_Curve("evaluate/cells", "cells", "#cc79a7", points=True),),
    ),
    ("Share of steps", (_Curve("share/*/*", "", "#0072b2"),)),
    (
        "Loss of the world model on each part, watched",
        (_Curve("watched/*", "", "#0072b2", points=True),),
    ),
    ("Loss", (_Curve("pretrain/loss", "loss", "#0072b2"),)),
    (
        "Loss of the world model",
        (_Curve("loss/world_model", "loss", "#0072b2"),),
    ),
    (
        "Effective rank of the world model's latents",
        (_Curve("world_model/effective_rank", "rank", "#009e73"),),
    ),
    (
        "Shares of the latent",
        (
            _Curve("evaluate/background_share", "background", "#d55e00", points=True),
            _Curve("evaluate/dot_share", "dot", "#0072b2", points=True),
        ),
    ),
    (
        "Effective rank of the projections",
        (_Curve("projection/effective_rank", "rank", "#009e73"),),
    ),
    (
        "k-NN accuracy on a few test images",
        (_Curve("evaluate/knn", "accuracy", "#d55e00", points=True),),
    ),
)


def plot_training(
    run: RunFolder, x_label: str = "env steps, all envs together"
) -> Path:
    """Draw `plots/training.png` from the metrics; returns its path.

    Returns and intrinsic reward over env steps, smoothed over a twentieth of the run,
    with raw values behind; rooms and cells where evaluations have them. Metrics that
    are missing are left out.
    """
    columns = read_metrics(run)
    panels = [
        (title, drawn)
        for title, curves in _PANELS
        if (drawn := [x for curve in curves for x in _found(columns, curve)])
    ]
    figure = Figure(
        figsize=(8.0, 0.9 + 2.2 * max(1, len(panels))), layout="constrained"
    )
    FigureCanvasAgg(figure)
    figure.suptitle(run.path.name, fontsize=11, color="#444444")
    axes = figure.subplots(max(1, len(panels)), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (title, curves) in zip(axes, panels, strict=False):
        _draw_panel(ax, columns, title, curves)
    if not panels:
        axes[0].set_axis_off()
        axes[0].text(0.5, 0.5, "nothing logged yet", ha="center", color="#888888")
    axes[-1].set_xlabel(x_label)
    axes[-1].xaxis.set_major_formatter(FuncFormatter(_shorten))

    path = run.plots / "training.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(".training.unfinished.png")
    figure.savefig(unfinished, dpi=150)
    os.replace(unfinished, path)
    return path


def smooth(values: NDArray[Any], window: int) -> NDArray[Any]:
    """Centred moving average; near the ends over the values that there are."""
    half = window // 2
    weights = np.ones(2 * half + 1)
    here = slice(half, half + len(values))
    counts = np.convolve(np.ones(len(values)), weights)[here]
    return np.asarray(np.convolve(values, weights)[here] / counts)


def _found(columns: Columns, curve: _Curve) -> list[_Curve]:
    """The curves that a metric stands for, which may be one of every signal."""
    names = [x for x in columns if fnmatch(x, curve.metric) and _has_values(columns, x)]
    if len(names) == 1:
        return [replace(curve, metric=names[0])]
    num = len(_COLORS)  # a signal has one color in all panels
    said = [i for i, x in enumerate(curve.metric.split("/")) if x == "*"]
    return [
        replace(curve, metric=x, label=x.split("/")[said[-1]], color=_COLORS[i % num])
        for i, x in enumerate(names)
    ]


def _draw_panel(ax: Axes, columns: Columns, title: str, curves: list[_Curve]) -> None:
    for curve in curves:
        values = columns[curve.metric]
        known = np.isfinite(values)
        x, y = columns["steps"][known], values[known]
        draw = _draw_points if curve.points else _draw_noisy
        draw(ax, x, y, curve)
    ax.set_title(title, loc="left", fontsize=10)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(x=0.01)
    if all(x.points and "knn" not in x.metric for x in curves):  # counts, mostly
        counts = not any(x.metric.startswith("watched/") for x in curves)
        ax.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=counts))
        ax.margins(y=0.12)  # room for the highest point's marker
        ax.set_ylim(bottom=0)
    if len(curves) > 1:
        ax.legend(frameon=False, fontsize=9, loc="best")


def _draw_points(ax: Axes, x: NDArray[Any], y: NDArray[Any], curve: _Curve) -> None:
    ax.plot(
        x, y, "o-", color=curve.color, label=curve.label, markersize=4, linewidth=1.2
    )


def _draw_noisy(ax: Axes, x: NDArray[Any], y: NDArray[Any], curve: _Curve) -> None:
    window = max(1, len(y) // 20)
    if window > 1:
        ax.plot(x, y, color=curve.color, alpha=0.25, linewidth=0.7)
    marker = "o" if len(y) < 10 else ""
    ax.plot(
        x,
        smooth(y, window),
        marker=marker,
        markersize=3,
        color=curve.color,
        label=curve.label,
        linewidth=1.6,
    )


def _has_values(columns: Columns, metric: str) -> bool:
    return metric in columns and bool(np.isfinite(columns[metric]).any())


def _shorten(value: float, _: int | None = None) -> str:
    """250k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
