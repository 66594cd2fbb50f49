"""A picture of some starts, goals, and the ways between them."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from agents.seeking import Sought

_COLUMNS = 6
_START, _GOAL, _WAY = "#0072b2", "#d55e00", "#009e73"


def draw_ways(path: Path, sought: Sought, number: int) -> None:
    """Draw the first few of N starts, in a panel each, into a PNG.

    Where the world tells a fact `place` (x, y in pixels), the way is a line over what
    start and goal have in common; elsewhere a panel shows start, end and goal.

    Raises:
        OSError: it cannot be written.
    """
    number = min(number, len(sought.reached))
    columns = min(_COLUMNS, number)
    rows = -(-number // columns)
    figure = Figure(figsize=(2.1 * columns, 2.3 * rows + 0.35), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in axes:
        ax.set_axis_off()
    for i, ax in zip(range(number), axes, strict=False):
        _panel(ax, sought, i)
    if "place" in sought.facts:
        figure.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=3,
            frameon=False,
            fontsize=9,
        )
    unfinished = path.with_name(f".{path.stem}.unfinished.png")
    figure.savefig(unfinished, dpi=120)
    os.replace(unfinished, path)


def _panel(ax: Axes, sought: Sought, i: int) -> None:
    steps = int(sought.steps[i])
    done = bool(sought.reached[i])
    title = f"reached in {steps} steps" if done else f"missed in {steps} steps"
    ax.set_title(title, fontsize=9, color="#222222" if done else "#a00000")
    start, last, goal = (_gray(x[i]) for x in (sought.start, sought.last, sought.goal))
    if "place" not in sought.facts:
        ax.imshow(np.concatenate([start, last, goal], 1), cmap="gray")
        return
    way = sought.facts["place"][: steps + 1, i].cpu().numpy()
    ax.imshow(np.minimum(start, goal), cmap="gray_r", vmin=0, vmax=400)
    ax.plot(way[:, 0], way[:, 1], "-", color=_WAY, linewidth=1.5, label="way")
    ax.plot(*way[0], "o", color=_START, markersize=5, label="start")
    aim = sought.goal_facts["place"][i].cpu().numpy()
    ax.plot(*aim, "*", color=_GOAL, markersize=9, label="goal")


def _gray(frame: UInt8[Tensor, "C H W"]) -> Float[np.ndarray, "H W"]:
    """The brightest channel of each pixel."""
    brightest: Float[np.ndarray, "H W"] = frame.amax(0).float().cpu().numpy()
    return brightest
