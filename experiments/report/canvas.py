"""What the pictures of a report have in common: panels, colours, legend."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from textwrap import fill
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

COLUMNS = 3  # panels beside each other
# Okabe and Ito's palette, which colour-blind people tell apart too; its yellow, lost on
# white, is replaced. Further arms repeat the colours in dashes.
_COLORS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
    "#000000",
    "#7a6a00",
)
Dashes = Literal["-", "--", ":", "-."]
_DASHES: tuple[Dashes, ...] = ("-", "--", ":", "-.")
_STYLES = list(product(_DASHES, _COLORS))


def style_of(arm: int) -> tuple[Dashes, str]:
    """Line style and colour of the n-th arm, the same in all pictures."""
    return _STYLES[arm % len(_STYLES)]


def panels(
    number: int, height: float, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure of `number` panels, each `height` inches high."""
    columns = 2 if number == 4 else min(COLUMNS, number)
    rows = -(-number // columns)
    width = 6.8 if columns == 1 else 3.9 * columns
    figure = Figure(figsize=(width, 0.8 + height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=sharey).ravel()
    for ax in grid[number:]:
        ax.set_axis_off()
    for ax in grid[:number]:
        ax.grid(alpha=0.25, linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, list(grid[:number])


def legend(
    figure: Figure, arms: Sequence[str], runs: Mapping[str, Sequence[int]], title: str
) -> None:
    """Arms and how many runs they have (in the tasks with fewest and most), on top."""
    lines, labels = [], []
    for i, arm in enumerate(arms):
        if arm in runs:
            style, color = style_of(i)
            lines.append(Line2D([], [], linestyle=style, color=color, linewidth=2))
            least, most = min(runs[arm]), max(runs[arm])
            count = str(least) if least == most else f"{least}–{most}"
            labels.append(f"{arm} (n = {count})")
    put_legend(figure, lines, labels, title)


def put_legend(
    figure: Figure, handles: Sequence[Artist], labels: Sequence[str], title: str
) -> None:
    """Names and how they are drawn, on top of a figure that is made higher for it."""
    # About 11 letters an inch, and 8 for each sample.
    columns = int(figure.get_figwidth() * 11 // (max(map(len, labels)) + 8))
    columns = min(max(1, columns), len(labels))
    rows = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.2 * (rows + 1))
    figure.legend(
        list(handles),
        list(labels),
        loc="outside upper center",
        ncols=columns,
        frameon=False,
        fontsize=9,
        title=title,
        title_fontsize=9,
    )


def wrapped(label: str, letters: int = 28) -> str:
    """On several lines where it is long."""
    return fill(label, letters, break_long_words=False)


def slug(metric: str) -> str:
    """The metric's name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", metric).strip("-.") or "metric"


def save(figure: Figure, file: Path) -> Path:
    """Write a PNG; returns its path."""
    figure.savefig(file, dpi=150)
    return file
