"""What the vertical axis of a picture is like, once everything is drawn on it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)

_TICKS = 6
_SPAN = 4.0  # highest over lowest of a log axis, at least: what hardly moves looks so


def free(ax: Axes) -> None:
    """As far as the values go."""


def from_zero(ax: Axes) -> None:
    """From zero to a little above the highest value."""
    ax.yaxis.set_major_locator(MaxNLocator(nbins=_TICKS))
    ax.margins(y=0.12)  # room for the highest point's marker
    ax.set_ylim(bottom=0)


def counts(ax: Axes) -> None:
    """From zero, with ticks at whole numbers."""
    from_zero(ax)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=_TICKS, integer=True))


def percent(ax: Axes) -> None:
    """The whole of zero to one, in percent."""
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.5, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def logarithmic(ax: Axes) -> None:
    """Equal ratios at equal distances; as values go where one is not above zero."""
    low, high = ax.dataLim.intervaly
    if not np.isfinite([low, high]).all():
        return  # nothing is drawn
    if low <= 0:
        ax.margins(y=0.12)
        return
    widen = max(1.0, _SPAN * low / high) ** 0.5 * 1.1
    ax.set_yscale("log")
    ax.set_ylim(low / widen, high * widen)
    decades = np.log10(high / low * widen**2)
    subs = (1, 2, 3, 5) if decades < 1 else (1, 2, 5) if decades < 1.5 else (1, 3)
    ticks = LogLocator(subs=subs, numticks=2 * _TICKS)
    ax.yaxis.set_major_locator(ticks)
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
