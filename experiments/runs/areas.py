"""Shares of a whole over time, as areas on top of each other."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from experiments.runs.scales import percent

# The first, which a world lists first because it is the one to watch, stands out.
_STRONG = "#d55e00"
_PALE = ("#a8c5dd", "#c5d7c0", "#cfcfcf", "#e6d9b8", "#d6c3da", "#b9d9d6")
PART_LINES = (_STRONG, "#4d86b5", "#6f9c62", "#8a8a8a", "#b3913a", "#93689c", "#4f9d96")
"""colours of lines, each that of its area, dark enough for a line"""


def color_of(place: int) -> str:
    """The colour of the n-th area from below."""
    return _STRONG if place == 0 else _PALE[(place - 1) % len(_PALE)]


def draw_areas(
    ax: Axes,
    x: Float[np.ndarray, "N"],
    shares: Sequence[Float[np.ndarray, "N"]],
    names: Sequence[str],
) -> None:
    """Draw shares that add up to one at each x, the first at the bottom."""
    colors = [color_of(i) for i in range(len(shares))]
    # In front of the lines of the grid; a white edge tells alike areas apart.
    for area in ax.stackplot(x, *shares, labels=names, colors=colors):
        area.set(edgecolor="white", linewidth=0.6, zorder=2.5)
    percent(ax)
