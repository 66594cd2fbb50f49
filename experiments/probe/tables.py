"""What was found as tables: for the terminal and for the page."""

from collections.abc import Callable, Iterator, Sequence
from math import isnan

from experiments.report.page import TextTable, number
from world_models.probing.diagnostics import DIAGNOSTICS
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

NUMBERS, CLASSES = "rmse", "f1"
BASELINE = {NUMBERS: "mean", CLASSES: "majority"}
LINEAR = {NUMBERS: "ridge", CLASSES: "softmax"}
TITLES = {NUMBERS: "RMSE", CLASSES: "weighted F1"}


def readings_table(findings: Findings, score: str) -> TextTable:
    """A line for each fact, layer and probe: its score, beside what reads nothing.

    Args:
        findings: what was found.
        score: `rmse` of numbers, `f1` of classes.
    """
    blind = "mean guess" if score == NUMBERS else "commonest"
    heads = [TITLES[score], "95 %", blind, *(["R²"] if score == NUMBERS else [])]
    controls = [RANDOM, PIXELS, "shuffled", "95 % of shuffled"]
    found = sorted(main_readings(findings, score), key=_order(findings))
    # pixels of a row that was predicted would be those that came: no control
    ahead = {x.layer for x in findings.readings if x.ahead is not None}
    rows = []
    for x in found:
        own = x.scores[score]
        row = [_named(x), x.layer, x.probe, number(own.value), between(own)]
        others = (
            (PROBED, x.layer, BASELINE[score], TRUE),
            (RANDOM, x.layer, x.probe, TRUE),
            (PIXELS, None, x.probe, TRUE),
            (PROBED, x.layer, x.probe, SHUFFLED),
        )
        scores = []
        for arm, layer, probe, labels in others:
            other = find(findings.readings, arm, layer, x.fact, probe, labels)
            answer = arm == PIXELS and x.layer in ahead
            scores.append(None if other is None or answer else other.scores[score])
        row.append(_value(scores[0]))
        if score == NUMBERS:
            row.append(f"{x.scores['r2'].value:.3f}")
        row += map(_value, scores[1:])
        row.append("–" if scores[-1] is None else between(scores[-1]))
        rows.append(row)
    return TextTable(["fact", "layer", "probe", *heads, *controls], rows, 3)


def ahead_table(findings: Findings, most: int = 12) -> TextTable:
    """Linear readings by the number of steps that were predicted over.

    Args:
        findings: what was found.
        most: numbers of steps that are shown, at most.
    """
    lines: dict[tuple[str, str, str], dict[int, Reading]] = {}
    for x in findings.readings:
        if x.ahead is None or x.labels != TRUE or x.arm == PIXELS:
            continue
        if x.probe in LINEAR.values() or (
            x.probe in BASELINE.values() and x.arm == PROBED
        ):
            who = x.probe if x.probe in BASELINE.values() else x.arm
            lines.setdefault((_named(x), x.layer, who), {})[x.ahead] = x
    steps = sorted({k for line in lines.values() for k in line})
    if len(steps) > most:
        share = (len(steps) - 1) / max(1, most - 1)
        steps = [steps[round(i * share)] for i in range(most)]
    order = list(dict.fromkeys(x.fact for x in findings.readings))
    rows = []
    for (fact, layer, who), line in sorted(
        lines.items(), key=lambda x: order.index(next(iter(x[1].values())).fact)
    ):
        cells = [_value(headline(line[k])) if k in line else "–" for k in steps]
        rows.append([fact, layer, who, *cells])
    return TextTable(["fact", "layer", "by", *(f"k = {k}" for k in steps)], rows, 3)


def diagnostics_table(findings: Findings) -> TextTable:
    """A line for each diagnostic: the layers of all arms, and what it tells."""
    columns = [
        (arm, layer) for arm, layers in findings.diagnostics.items() for layer in layers
    ]
    rows = []
    for name, about in DIAGNOSTICS.items():
        values = [findings.diagnostics[arm][layer].get(name) for arm, layer in columns]
        if all(x is None for x in values):
            continue
        cells = ["–" if x is None or isnan(x) else number(x) for x in values]
        rows.append([name.replace("_", " "), about, *cells])
    heads = [
        f"{layer}" if arm == PROBED else f"{layer}, {arm}" for arm, layer in columns
    ]
    return TextTable(["diagnostic", "what it tells", *heads], rows, 2)


def fitting(table: TextTable, width: int) -> int:
    """How many of a table's columns fit a terminal beside each other; 4 at least."""
    columns = zip(table.columns, *table.rows, strict=True)
    widths = [max(map(len, column)) + 3 for column in columns]
    most = 18 if table.names > 2 else 40  # where texts may wrap
    widths[: table.names] = [min(x, most) for x in widths[: table.names]]
    num = 0
    while num < len(widths) and sum(widths[: num + 1]) <= width:
        num += 1
    return min(max(num, 4), len(widths))


def main_readings(findings: Findings, score: str) -> Iterator[Reading]:
    """Of what was probed itself: true facts, off all rows, by probes that look."""
    for x in findings.readings:
        if (
            x.arm == PROBED
            and x.labels == TRUE
            and x.ahead is None
            and score in x.scores
            and x.probe not in BASELINE.values()
        ):
            yield x


def headline(reading: Reading) -> Score:
    """The score that a reading is compared by."""
    return reading.scores[NUMBERS if NUMBERS in reading.scores else CLASSES]


def between(score: Score) -> str:
    """The interval, or a dash."""
    if score.low is None or score.high is None:
        return "–"
    return f"[{number(score.low)}, {number(score.high)}]"


def find(
    readings: Sequence[Reading],
    arm: str,
    layer: str | None,
    fact: str,
    probe: str,
    labels: str = TRUE,
) -> Reading | None:
    """The reading of all rows; None where there is none."""
    for x in readings:
        same = (x.arm, x.fact, x.probe, x.labels) == (arm, fact, probe, labels)
        if same and x.ahead is None and layer in (None, x.layer):
            return x
    return None


def _order(findings: Findings) -> Callable[[Reading], int]:
    """Facts together, in the order in which they were asked for."""
    facts = list(dict.fromkeys(x.fact for x in findings.readings))
    return lambda x: facts.index(x.fact)


def _named(reading: Reading) -> str:
    return f"{reading.fact} ({reading.unit})" if reading.unit else reading.fact


def _value(score: Score | None) -> str:
    return "–" if score is None else number(score.value)
