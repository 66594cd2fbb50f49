"""What happened in episodes, and what was paid for it, in runs that log events."""

from collections.abc import Iterator, Sequence

import numpy as np

from experiments.report.arms import Comparison
from experiments.report.numbers import seed_order
from experiments.report.page import Section, TextTable, number, optional
from experiments.report.runs import LoadedRun

EVENT, TALLY = "event/", "tally/"
HALF = 0.5
"""of a run, behind which shares and last values are taken"""
PARTS = 8
"""of a run; the best of them is told beside its last half"""


def event_sections(comparison: Comparison) -> Iterator[Section]:
    """What episodes came to, and events with their shares; nothing without any."""
    columns = dict.fromkeys(c for x in comparison.entries for c in x.run.columns)
    for metric in columns:
        if metric.startswith(TALLY):
            yield _episodes(comparison, metric)
    if any(x.startswith(EVENT) for x in columns):
        yield _events(comparison)


def last_half(run: LoadedRun, metric: str) -> float | None:
    """Mean over the rows of the second half of a run; None where there is none."""
    steps, _, values = run.series(metric)
    inside = steps > HALF * run.steps
    return float(values[inside].mean()) if inside.any() else None


def best_part(run: LoadedRun, metric: str) -> float | None:
    """The highest mean of eight equal parts of a run; None where there is none."""
    known = [x for x in parts(run, metric) if x is not None]
    return max(known) if known else None


def parts(run: LoadedRun, metric: str) -> list[float | None]:
    """Means over eight equal parts of a run; None for a part without a value."""
    steps, _, values = run.series(metric)
    if not len(values):
        return [None] * PARTS
    part = np.clip(PARTS * (steps - 1) // run.steps, 0, PARTS - 1).astype(np.int64)
    count = np.bincount(part, minlength=PARTS)
    total = np.bincount(part, values, PARTS)
    each = zip(total, count, strict=True)
    return [float(x / n) if n else None for x, n in each]


def _episodes(comparison: Comparison, metric: str) -> Section:
    rows = []
    for task in comparison.tasks:
        for arm in comparison.arms:
            runs = [x for x in _by_seed(comparison.runs(arm, task)) if _has(x, metric)]
            if not runs:
                continue
            half = [last_half(x, metric) for x in runs]
            best = [best_part(x, metric) for x in runs]
            rows.append(
                (
                    task,
                    arm,
                    str(len(runs)),
                    optional(_mean(half)),
                    optional(_mean(best)),
                    _seeds(runs, half),
                    _seeds(runs, best),
                )
            )
    of = metric.removeprefix(TALLY).replace("_", " ")
    columns = ("task", "arm", "runs", "last half", "best eighth")
    return Section(
        f"{metric}: last half and best eighth",
        [
            f"{of} of an episode, when it ended: the mean over the second half of the "
            "env steps, and over the best of eight equal parts, since what is new "
            "wears off."
        ],
        table=TextTable((*columns, "seed: last half", "seed: best eighth"), rows, 2),
    )


def _events(comparison: Comparison) -> Section:
    rows = []
    for task in comparison.tasks:
        every = [x.run for x in comparison.entries if x.task == task]
        for arm in comparison.arms:
            runs = _by_seed(comparison.runs(arm, task))
            names = dict.fromkeys(
                (x.split("/")[1], *x.split("/")[3:])
                for run in runs
                for x in run.columns
                if x.startswith(f"{EVENT}") and x.split("/")[2] in ("steps", "bonus")
            )
            paid = {x[0] for x in names if len(x) > 1}
            for event, *signal in names:
                happened = any(last_half(x, f"{EVENT}{event}/steps") for x in every)
                if happened and (signal or event not in paid):
                    rows.append((task, arm, event, *_event(runs, event, signal)))
    columns = ("task", "arm", "event", "signal", "of steps", "of the bonus")
    return Section(
        "Events, and what was paid for them",
        [
            "Over the second half of the env steps: what share of the steps had the "
            "event, and what share of all that the signal paid fell on these. Times "
            "mean: what such a step was paid, in means of all steps; the same of the "
            "reward as it was measured, before it was scaled and prioritised. Shares "
            "may add up to more than 1: several events can fall on one step."
        ],
        table=TextTable(
            (*columns, "paid, × mean", "measured, × mean", "seed: of the bonus"),
            rows,
            4,
        ),
    )


def _event(
    runs: Sequence[LoadedRun], event: str, signal: Sequence[str]
) -> tuple[str, ...]:
    """The numbers of one event: of the steps, of what `signal` paid, if one did."""
    steps = [last_half(x, f"{EVENT}{event}/steps") for x in runs]
    if not signal:
        return ("–", optional(_mean(steps)), "–", "–", "–", "–")
    bonus = [last_half(x, f"{EVENT}{event}/bonus/{signal[0]}") for x in runs]
    raw = [last_half(x, f"{EVENT}{event}/raw/{signal[0]}") for x in runs]
    return (
        signal[0],
        optional(_mean(steps)),
        optional(_mean(bonus)),
        optional(_ratio(bonus, steps)),
        optional(_ratio(raw, steps)),
        _seeds(runs, bonus),
    )


def _ratio(part: Sequence[float | None], steps: Sequence[float | None]) -> float | None:
    """The mean share over the mean share of steps; None where it never happened."""
    above, below = _mean(part), _mean(steps)
    return above / below if above is not None and below else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [x for x in values if x is not None]
    return float(np.mean(known)) if known else None


def _seeds(runs: Sequence[LoadedRun], values: Sequence[float | None]) -> str:
    each = zip(runs, values, strict=True)
    return " · ".join(f"{x.seed}: {number(y)}" for x, y in each if y is not None)


def _has(run: LoadedRun, metric: str) -> bool:
    return len(run.series(metric)[0]) > 0


def _by_seed(runs: Sequence[LoadedRun]) -> list[LoadedRun]:
    return sorted(runs, key=seed_order)
