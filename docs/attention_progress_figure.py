"""Draws images/gamma_progress.png: `python docs/attention_progress_figure.py`.

From results/attention.jsonl: who was looked at over time, and what came of it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from experiments.runs.areas import draw_areas
from experiments.runs.scales import logarithmic

DOCS = Path(__file__).parent
WORLD = ("noise", "reaching")
AREAS = {"gamma": "γ-Progress", "error": "prediction error", "random": "random gaze"}
LINES = {
    "gamma": ("γ-Progress", "#d55e00", 2.4),
    "delta": ("δ-Progress", "#e69f00", 1.3),
    "dwell": ("dwell", "#cc79a7", 1.3),
    "rnd": ("RND", "#009e73", 1.3),
    "disagreement": ("disagreement", "#56b4e9", 1.3),
    "random": ("random gaze", "#000000", 1.9),
    "error": ("prediction error", "#0072b2", 1.9),
}
RANGES = ("gamma", "error", "random")  # more of them would hide each other

Run = dict[str, Any]


def draw_attention(ax: Axes, runs: Sequence[Run]) -> None:
    """Mean share of the animate group, with a thin line for each seed."""
    each = np.array([x["animate_share"] for x in runs])
    width = runs[0]["env_steps"] / each.shape[1]
    steps = width * (np.arange(each.shape[1]) + 0.5)
    mean = each.mean(0)
    draw_areas(ax, steps, [mean, 1 - mean], [WORLD[1], "noise"])
    for seed in each:
        ax.plot(steps, seed, color="#5c2900", linewidth=0.6, alpha=0.5, zorder=3)
    ax.set_xlim(steps[0], steps[-1])


def draw_losses(ax: Axes, runs: dict[str, list[Run]]) -> None:
    """Loss on the animate group: the median over seeds, of some arms the range."""
    ends: dict[str, float] = {}
    for signal, (_, color, width) in LINES.items():
        if not runs[signal]:
            continue
        steps = runs[signal][0]["loss_steps"]
        losses = np.array([x["animate_loss"] for x in runs[signal]])
        median = np.median(losses, 0)
        style = {"color": color, "linewidth": width, "marker": "o", "markersize": 3}
        ax.plot(steps, median, **style)
        if signal in RANGES:
            bounds = (losses.min(0), losses.max(0))
            ax.fill_between(steps, *bounds, color=color, alpha=0.13, linewidth=0)
        ends[signal] = median[-1]
    logarithmic(ax)
    low, high = ax.get_ylim()
    room = (high / low) ** 0.055  # the height of a label
    at = 0.0
    for signal in sorted(ends, key=lambda x: ends[x]):
        at = max(ends[signal], at * room)
        label, color, _ = LINES[signal]
        style = {"color": color, "fontsize": 8.5, "va": "center"}
        ax.annotate(label, (1.02, at), xycoords=("axes fraction", "data"), **style)


def main(
    results: Path = DOCS / "results" / "attention.jsonl",
    image: Path = DOCS / "images" / "gamma_progress.png",
) -> None:
    """Attention of three arms on the left, loss of all on the right."""
    lines = [json.loads(x) for x in results.read_text().splitlines()]
    here = [x for x in lines if (x["company"], x["animate"]) == WORLD]
    runs = {name: [x for x in here if x["signal"] == name] for name in LINES}
    figure = Figure(figsize=(12.5, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    *areas, right = figure.subplots(1, 4, width_ratios=(1, 1, 1, 1.25))
    for ax, (signal, about) in zip(areas, AREAS.items(), strict=True):
        draw_attention(ax, runs[signal])
        ax.set_title(about, loc="left", fontsize=10)
    for ax in areas[1:]:
        ax.set_yticklabels([])
    areas[0].set_ylabel("share of steps")
    areas[0].legend(*_from_above(areas[0]), fontsize=8.5, loc="lower right")
    draw_losses(right, runs)
    right.set_title("loss on the reaching group", loc="left", fontsize=10)
    right.grid(alpha=0.25, linewidth=0.6)
    right.set_xlim(left=0)
    for ax in (*areas, right):
        ax.spines[["top", "right"]].set_visible(False)
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    figure.supxlabel("env steps", fontsize=10)
    figure.savefig(image, dpi=130)


def _from_above(ax: Axes) -> tuple[list[Any], list[str]]:
    """Handles and names of areas in the order in which they lie."""
    handles, names = ax.get_legend_handles_labels()
    return handles[::-1], names[::-1]


if __name__ == "__main__":
    main()
