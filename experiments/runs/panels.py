"""The panels of a run's picture: curves, points and areas, each where it is logged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from functools import partial
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from numpy.typing import NDArray

from experiments.runs.areas import draw_areas
from experiments.runs.scales import free

Columns = Mapping[str, NDArray[Any]]

_PARTS = 20  # of a run; curves are smoothed over one
SIGNALS = ("#009e73", "#0072b2", "#d55e00", "#cc79a7", "#56b4e9")
"""colours of curiosity signals; each has one in all panels"""


@dataclass(frozen=True)
class Drawing:
    """What can be drawn of a run: a title, and what draws it."""

    title: str
    draw: Callable[[Axes], None]


class Panel(Protocol):
    """A kind of picture."""

    def drawings(self, columns: Columns) -> Iterator[Drawing]:
        """What a run has of it; nothing where nothing is logged."""


@dataclass(frozen=True)
class Curve:
    """A metric that is drawn raw and smoothed, or point by point.

    Attributes:
        metric: its name, or a pattern that several names match.
        label: for the legend; of a pattern, what its last `*` stands for is taken.
        color: of a metric by itself.
        points: few exact values instead of many noisy ones.
        colors: of several that match a pattern, in their order.
    """

    metric: str
    label: str
    color: str
    points: bool = False
    colors: tuple[str, ...] = SIGNALS


@dataclass(frozen=True)
class CurvePanel:
    """Curves over env steps.

    Attributes:
        title: above it.
        curves: those that are logged are drawn.
        scale: of the vertical axis.
    """

    title: str
    curves: tuple[Curve, ...]
    scale: Callable[[Axes], None] = free

    def drawings(self, columns: Columns) -> Iterator[Drawing]:
        """One, with all curves."""
        curves = [x for curve in self.curves for x in _found(columns, curve)]
        if curves:
            yield Drawing(self.title, partial(self._draw, columns, curves))

    def _draw(self, columns: Columns, curves: Sequence[Curve], ax: Axes) -> None:
        for curve in curves:
            values = columns[curve.metric]
            known = np.isfinite(values)
            draw = _draw_points if curve.points else _draw_noisy
            draw(ax, columns["steps"][known], values[known], curve)
        self.scale(ax)
        if len(curves) > 1:
            ax.legend(frameon=False, fontsize=9, loc="best")


@dataclass(frozen=True)
class SharePanel:
    """Shares of steps `share/<fact>/<name>`, smoothed, which add up to one.

    Attributes:
        title: above it, in front of the fact's name.
    """

    title: str

    def drawings(self, columns: Columns) -> Iterator[Drawing]:
        """One for each fact."""
        for fact, metrics in shares(columns).items():
            title = f"{self.title}: {fact.replace('_', ' ')}"
            yield Drawing(title, partial(self._draw, columns, metrics))

    @staticmethod
    def _draw(columns: Columns, metrics: Mapping[str, str], ax: Axes) -> None:
        values = np.stack([columns[x] for x in metrics.values()])
        known = np.isfinite(values).all(0)
        values = values[:, known]
        window = max(1, values.shape[1] // _PARTS)
        drawn = [smooth(x, window) for x in values]
        draw_areas(ax, columns["steps"][known], drawn, list(metrics))
        # Areas leave no room inside.
        ax.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderpad=0.2,
            ncols=len(metrics),
            frameon=False,
            fontsize=9,
        )


def shares(columns: Columns) -> dict[str, dict[str, str]]:
    """By fact and name, the metrics that say what share of steps had that name."""
    found: dict[str, dict[str, str]] = {}
    for metric in columns:
        kind, _, rest = metric.partition("/")
        fact, _, name = rest.partition("/")
        if kind == "share" and name and _has_values(columns, metric):
            found.setdefault(fact, {})[name] = metric
    return found


def smooth(values: Float[np.ndarray, "N"], window: int) -> Float[np.ndarray, "N"]:
    """Centred moving average; near the ends over the values that there are."""
    half = window // 2
    weights = np.ones(2 * half + 1)
    here = slice(half, half + len(values))
    counts = np.convolve(np.ones(len(values)), weights)[here]
    return np.asarray(np.convolve(values, weights)[here] / counts)


def _found(columns: Columns, curve: Curve) -> list[Curve]:
    """The curves that a metric stands for: of every signal, say, or of every part."""
    names = [x for x in columns if fnmatch(x, curve.metric) and _has_values(columns, x)]
    if len(names) == 1:
        return [replace(curve, metric=names[0])]
    colors = curve.colors
    said = [i for i, x in enumerate(curve.metric.split("/")) if x == "*"]
    return [
        replace(
            curve,
            metric=x,
            label=x.split("/")[said[-1]],
            color=colors[i % len(colors)],
        )
        for i, x in enumerate(names)
    ]


def _draw_points(ax: Axes, x: NDArray[Any], y: NDArray[Any], curve: Curve) -> None:
    ax.plot(
        x, y, "o-", color=curve.color, label=curve.label, markersize=4, linewidth=1.2
    )


def _draw_noisy(ax: Axes, x: NDArray[Any], y: NDArray[Any], curve: Curve) -> None:
    window = max(1, len(y) // _PARTS)
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
