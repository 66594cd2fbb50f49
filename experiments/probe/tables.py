"""What was found as tables: for the terminal and for the page."""

from collections.abc import Iterator, Sequence

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
_MOST_STEPS = 8  # of what lies ahead, in a table


def readings_table(findings: Findings, score: str) -> TextTable:
    """A line for each fact, layer and probe: its score, beside what reads nothing.

    Args:
        findings: what was found.
        score: `rmse` of numbers, `f1` of classes.
    """
    blind = "mean guess" if score == NUMBERS else "commonest class"
    heads = [TITLES[score], "95 %", *(["R²"] if score == NUMBERS else [])]
    controls = ["shuffled", "95 % of shuffled", blind, RANDOM, PIXELS]
    rows = []
    for x in main_readings(findings, score):
        own = x.scores[score]
        row = [_named(x), x.layer, x.probe, number(own.value), between(own)]
        if score == NUMBERS:
            row.append(f"{x.scores['r2'].value:.3f}")
        shuffled = _other(findings, x, PROBED, x.layer, x.probe, SHUFFLED, score)
        row += [_value(shuffled), "–" if shuffled is None else between(shuffled)]
        row.append(
            _value(_other(findings, x, PROBED, x.layer, BASELINE[score], TRUE, score))
        )
        row.append(_value(_other(findings, x, RANDOM, x.layer, x.probe, TRUE, score)))
        row.append(_value(_other(findings, x, PIXELS, None, x.probe, TRUE, score)))
        rows.append(row)
    return TextTable(["fact", "layer", "probe", *heads, *controls], rows, 3)


def ahead_table(findings: Findings) -> TextTable:
    """Linear readings by the number of steps that were predicted over."""
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
    if len(steps) > _MOST_STEPS:
        some = [
            round(i * (len(steps) - 1) / (_MOST_STEPS - 1)) for i in range(_MOST_STEPS)
        ]
        steps = [steps[i] for i in some]
    rows = []
    for (fact, layer, who), line in lines.items():
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
        cells = ["–" if x is None else number(x) for x in values]
        rows.append([name.replace("_", " "), *cells, about])
    heads = [
        f"{layer}" if arm == PROBED else f"{layer}, {arm}" for arm, layer in columns
    ]
    return TextTable(["diagnostic", *heads, "what it tells"], rows, 1)


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


def _other(
    findings: Findings,
    like: Reading,
    arm: str,
    layer: str | None,
    probe: str,
    labels: str,
    score: str,
) -> Score | None:
    found = find(findings.readings, arm, layer, like.fact, probe, labels)
    return None if found is None else found.scores[score]


def _named(reading: Reading) -> str:
    return f"{reading.fact} ({reading.unit})" if reading.unit else reading.fact


def _value(score: Score | None) -> str:
    return "–" if score is None else number(score.value)
