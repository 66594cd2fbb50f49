"""Draws images/noise_matrix.png: `python docs/noise_matrix_figure.py`.

From results/noise_matrix.jsonl: trackers of an episode over time, noise by noise.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from noise_matrix_tables import NOISES, SIGNALS, Results, read

DOCS = Path(__file__).parent
COLOURS = {
    "byol-hindsight": ("#d55e00", 2.4),
    "byol-explore": ("#0072b2", 2.4),
    "rnd": ("#009e73", 1.4),
    "disagreement": ("#56b4e9", 1.4),
    "gamma-progress": ("#e69f00", 1.4),
    "random": ("#000000", 1.4),
}
SEEDS = ("byol-hindsight", "byol-explore")  # drawn one by one, thinly


def draw_panel(ax: Axes, results: Results, noise: str) -> None:
    """Means over seeds, by eighths of the run."""
    for signal, (colour, width) in COLOURS.items():
        runs = results.runs(noise, signal)
        if not runs:
            continue
        each = np.array([x["trackers_eighths"] for x in runs], float)
        end = runs[0]["env_steps"] / 1e3
        middle = (np.arange(each.shape[1]) + 0.5) / each.shape[1] * end
        ax.plot(middle, np.nanmean(each, 0), color=colour, lw=width, label=signal)
        if signal in SEEDS:
            ax.plot(middle, each.T, color=colour, lw=0.6, alpha=0.5)
    ax.set_title(NOISES[noise], loc="left", fontsize=10)
    ax.set_ylim(0, 4)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)


def main() -> None:
    """A row of panels."""
    results = read()
    figure = Figure((15, 3.4), layout="constrained", dpi=110)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(NOISES), sharey=True)
    for ax, noise in zip(panels, NOISES, strict=True):
        draw_panel(ax, results, noise)
    panels[0].set_ylabel("trackers per episode, of 4")
    panels[2].set_xlabel("env steps, thousands")
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        lines,
        [SIGNALS[x] for x in labels],
        loc="outside lower center",
        ncols=6,
        frameon=False,
        fontsize=9,
    )
    figure.savefig(DOCS / "images/noise_matrix.png")


if __name__ == "__main__":
    main()
