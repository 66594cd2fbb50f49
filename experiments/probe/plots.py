"""Pictures of what can be read: bars of facts, told against true, errors ahead."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.ticker import MaxNLocator

from experiments.probe.tables import (
    BASELINE,
    CLASSES,
    LINEAR,
    NUMBERS,
    TITLES,
    find,
    headline,
    main_readings,
)
from experiments.report.canvas import (
    Dashes,
    panels,
    put_legend,
    save,
    style_of,
    wrapped,
)
from experiments.report.page import Picture
from world_models.probing.findings import (
    PIXELS,
    PROBED,
    RANDOM,
    SHUFFLED,
    TRUE,
    Findings,
    Reading,
)
from world_models.probing.tallies import Score

_SHOWN = {NUMBERS: "r2", CLASSES: "f1"}  # on one axis for all facts
_ARMS: tuple[tuple[str, Dashes], ...] = ((PROBED, "-"), (RANDOM, ":"))
_COMMONEST = "commonest class"
_MOST_FACTS = 16  # in a panel
_MOST_PANELS = 9
_LOWEST = -0.25  # of R², below which bars are cut


def draw(findings: Findings, folder: Path) -> dict[str, list[Picture]]:
    """All pictures that there is something for, by what they are about."""
    drawn: dict[str, list[Picture]] = {}
    for score, about in ((NUMBERS, "R² of each fact"), (CLASSES, "F1 of each fact")):
        facts = list(dict.fromkeys(x.fact for x in main_readings(findings, score)))
        if facts:
            file = folder / f"{'numbers' if score == NUMBERS else 'classes'}.png"
            drawn[score] = [Picture(about, _bars(findings, facts, score, file))]
    if findings.scatters:
        file = folder / "scatter.png"
        drawn["scatter"] = [Picture("told against true", _scatter(findings, file))]
    if any(x.ahead is not None for x in findings.readings):
        file = folder / "ahead.png"
        drawn["ahead"] = [Picture("scores ahead", _ahead(findings, file))]
    return drawn


def _bars(findings: Findings, facts: Sequence[str], score: str, file: Path) -> Path:
    """Linear probes as bars, those with a hidden layer as points; controls in grey."""
    name, linear = _SHOWN[score], LINEAR[score]
    layers = list(dict.fromkeys(x.layer for x in main_readings(findings, score)))
    series: list[tuple[str, str, str | None, str, str]] = []
    for i, x in enumerate(layers):
        color = style_of(i)[1]
        series.append((x, PROBED, x, TRUE, color))
        series.append((f"{x}, {RANDOM}", RANDOM, x, TRUE, _pale(color)))
    series += [
        (PIXELS, PIXELS, None, TRUE, "#999999"),
        ("shuffled facts", PROBED, layers[0], SHUFFLED, "#dddddd"),
    ]
    there = {(x.arm, x.labels) for x in findings.readings}
    series = [x for x in series if (x[1], x[3]) in there]
    if score == CLASSES:  # the mean guess has an R² of 0 as it is
        series.append((_COMMONEST, PROBED, layers[0], TRUE, "#555555"))
    groups = [facts[i : i + _MOST_FACTS] for i in range(0, len(facts), _MOST_FACTS)]
    height = 0.6 + 0.16 * len(series) * max(len(x) for x in groups)
    figure, axes = panels(len(groups), height)
    handles: dict[str, Any] = {}
    for ax, group in zip(axes, groups, strict=True):
        for i, (label, arm, layer, labels, color) in enumerate(series):
            for j, fact in enumerate(group):
                by = BASELINE[score] if label == _COMMONEST else linear
                found = find(findings.readings, arm, layer, fact, by, labels)
                if found is None:
                    continue
                place = j + (i - (len(series) - 1) / 2) * 0.8 / len(series)
                bar = _bar(ax, place, found.scores[name], 0.72 / len(series), color)
                handles[label] = bar
                deep = find(findings.readings, arm, layer, fact, "MLP", labels)
                own = arm == PROBED and labels == TRUE and label != _COMMONEST
                if deep is not None and own:
                    value = max(deep.scores[name].value, _LOWEST)
                    (point,) = ax.plot(value, place, "D", color="black", markersize=3.5)
                    handles["with a hidden layer"] = point
        ax.set_yticks(range(len(group)), [wrapped(x, 22) for x in group])
        ax.invert_yaxis()
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_xlim(_LOWEST if score == NUMBERS else 0, 1.02)
        ax.set_xlabel("R² on test episodes" if score == NUMBERS else "weighted F1")
        ax.grid(axis="y", visible=False)
    put_legend(figure, list(handles.values()), list(handles), "")
    return save(figure, file)


def whisker(score: Score) -> tuple[float, float] | None:
    """Both ends of an interval as they are drawn; None where it says nothing.

    Of a fact that hardly varies, R² is anything, by which episodes are drawn: an
    interval wider than 1 is that of no bar.
    """
    if score.low is None or score.high is None or not score.high - score.low <= 1:
        return None
    return max(score.low, _LOWEST), max(score.high, _LOWEST)


def _bar(ax: Axes, place: float, score: Score, height: float, color: str) -> Any:
    value = max(score.value, _LOWEST) if np.isfinite(score.value) else 0.0
    if value > score.value:  # cut: how far it went is written on it
        said = f" {score.value:.2g}"
        ax.text(_LOWEST, place, said, va="center", fontsize=5, clip_on=True)
    error = None
    if (ends := whisker(score)) is not None:
        error = [[max(0.0, value - ends[0])], [max(0.0, ends[1] - value)]]
    return ax.barh(
        place,
        value,
        height,
        color=color,
        xerr=error,
        error_kw={"elinewidth": 0.9, "ecolor": "#333333"},
    )


def _pale(color: str) -> str:
    red, green, blue = (0.4 * x + 0.6 for x in to_rgb(color))
    return to_hex((red, green, blue))


def _scatter(findings: Findings, file: Path) -> Path:
    """What ridge tells against what is true, a colour for each number of a fact."""
    shown = findings.scatters[:_MOST_PANELS]
    figure, axes = panels(len(shown), 3.0)
    for ax, x in zip(axes, shown, strict=True):
        low, high = float(x.truth.min()), float(x.truth.max())
        ax.plot([low, high], [low, high], color="#888888", linewidth=0.8)
        for i in range(x.truth.shape[1]):
            label = f"number {i}" if x.truth.shape[1] > 1 else None
            ax.plot(
                x.truth[:, i].numpy(),
                x.told[:, i].numpy(),
                ".",
                color=style_of(i)[1],
                markersize=3,
                alpha=0.6,
                label=label,
            )
        if 1 < x.truth.shape[1] <= 4:
            ax.legend(fontsize=7, frameon=False)
        unit = f" ({x.unit})" if x.unit else ""
        ax.set_title(wrapped(f"{x.fact}{unit}, {x.layer}"), fontsize=9, loc="left")
        ax.set_xlabel("true", fontsize=8)
        ax.set_ylabel("told by ridge", fontsize=8)
    return save(figure, file)


def _ahead(findings: Findings, file: Path) -> Path:
    """Linear scores by steps ahead, with bands; at 0 what was seen itself tells."""
    steps = [x for x in findings.readings if x.ahead is not None and x.labels == TRUE]
    facts = list(dict.fromkeys(x.fact for x in steps if x.arm == PROBED))[:_MOST_PANELS]
    layers = list(dict.fromkeys(x.layer for x in steps))
    figure, axes = panels(len(facts), 2.6)
    handles: dict[str, Any] = {}
    for ax, fact in zip(axes, facts, strict=True):
        own = [x for x in steps if x.fact == fact]
        for i, layer in enumerate(layers):
            color = style_of(i)[1]
            for arm, style in _ARMS:
                line = [
                    x
                    for x in own
                    if (x.arm, x.layer) == (arm, layer) and x.probe in LINEAR.values()
                ]
                if line:
                    label = layer if arm == PROBED else f"{layer}, {arm}"
                    handles[label] = _line(ax, line, style, color)
        blind = [
            x
            for x in own
            if (x.arm, x.layer) == (PROBED, layers[0]) and x.probe in BASELINE.values()
        ]
        handles["looks at nothing"] = _line(ax, blind, "--", "#aaaaaa")
        for i, x in enumerate(_seen(findings, fact, layers)):
            value, marker = headline(x).value, "sD^v"[i % 4]
            (handles[f"{x.layer} (not ahead)"],) = ax.plot(
                0, value, marker, color="black", markersize=4, linestyle=""
            )
        score = TITLES[NUMBERS if NUMBERS in own[0].scores else CLASSES]
        unit = f" ({own[0].unit})" if own[0].unit else ""
        ax.set_title(wrapped(fact), fontsize=9, loc="left")
        ax.set_ylabel(f"{score}{unit}", fontsize=8)
        ax.set_xlabel("steps ahead", fontsize=8)
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    put_legend(figure, list(handles.values()), list(handles), "")
    return save(figure, file)


def _seen(findings: Findings, fact: str, ahead: Sequence[str]) -> list[Reading]:
    """Linear readings of the fact off what was not predicted."""
    return [
        x
        for x in findings.readings
        if (x.arm, x.fact, x.labels, x.ahead) == (PROBED, fact, TRUE, None)
        and x.probe in LINEAR.values()
        and x.layer not in ahead
    ]


def _line(ax: Axes, readings: Sequence[Reading], style: Dashes, color: str) -> Artist:
    k = [x.ahead for x in readings if x.ahead is not None]
    scores = [headline(x) for x in readings]
    values = [x.value for x in scores]
    marker = "o" if style == "-" else ""
    (line,) = ax.plot(
        k, values, linestyle=style, color=color, marker=marker, markersize=3
    )
    low = [x.low for x in scores if x.low is not None]
    high = [x.high for x in scores if x.high is not None]
    if style == "-" and len(low) == len(k):
        ax.fill_between(k, low, high, color=color, alpha=0.18, linewidth=0)
    return line
