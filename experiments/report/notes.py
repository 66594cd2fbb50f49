"""What a reader of a report must know before believing it."""

from collections.abc import Iterator, Mapping, Sequence

from agents.score_statistics import ENOUGH_RUNS, LEAST_RUNS
from experiments.report.arms import Comparison, Difference, Entry
from experiments.report.labels import parent
from experiments.report.numbers import Numbers
from experiments.report.runs import VERSIONS, LoadedRun

_NAMED = 5  # of a long list, these are named


def notes(
    comparison: Comparison,
    found: Sequence[Difference],
    numbers: Sequence[Numbers],
    tuned: Mapping[str, str | None],
    lost: Sequence[str] = (),
) -> list[str]:
    """Sentences about what is missing, uneven or not comparable; may be none.

    Args:
        comparison: arms and tasks.
        found: what else differs.
        numbers: of all metrics.
        tuned: by arm, how many settings were tried; None where nobody said.
        lost: names of cells of a sweep that have no run.
    """
    return [
        *_lost(lost),
        *_too_few(comparison),
        *_unfinished(comparison),
        *_doubled(comparison),
        *_not_alike(comparison, found),
        *_uneven(comparison),
        *(note for each in numbers for note in _about_metric(comparison, each)),
        *_in_other_units(numbers),
        *_untold(tuned),
    ]


def _lost(cells: Sequence[str]) -> Iterator[str]:
    if cells:
        have = _count(len(cells), "cell of the sweep has", "cells of the sweep have")
        yield f"{have} left no run: {_some(cells)}."


def _too_few(comparison: Comparison) -> Iterator[str]:
    counts = {
        (arm, task): len(comparison.runs(arm, task))
        for arm in comparison.arms
        for task in comparison.tasks
        if comparison.runs(arm, task)
    }
    none = [f"{a} in {t} ({n})" for (a, t), n in counts.items() if n < LEAST_RUNS]
    few = [k for k, n in counts.items() if LEAST_RUNS <= n < ENOUGH_RUNS]
    if none:
        yield (
            f"Fewer than {LEAST_RUNS} runs, so that no interval is shown: "
            f"{_some(none)}. Take them as single observations."
        )
    if few:
        yield (
            f"Only {LEAST_RUNS} or {ENOUGH_RUNS - 1} runs in {len(few)} of "
            f"{len(counts)} pairs of arm and task: bootstrap intervals from so few are "
            "too narrow, at best a lower bound of the uncertainty."
        )


def _unfinished(comparison: Comparison) -> Iterator[str]:
    runs = [x.run for x in comparison.entries if not x.run.finished]
    runs = [x for x in runs if x.budget is not None]
    if runs:
        shown = [f"{x.path.name} ({x.steps:,} of {x.budget:,})" for x in runs]
        yield (
            f"Short of the budget of env steps: {_count(len(runs), 'run', 'runs')}, "
            f"{_some(shown)}. Such runs count with their last values, of less training "
            "than the others', since leaving out what failed would flatter."
        )


def _doubled(comparison: Comparison) -> Iterator[str]:
    if comparison.duplicates:
        shown = [x.run.path.name for x in comparison.duplicates]
        yield (
            f"Left out: {_count(len(shown), 'run', 'runs')} with the seed and settings "
            f"of another, {_some(shown)}. The one that went further (or the later one) "
            "counts."
        )


def _not_alike(comparison: Comparison, found: Sequence[Difference]) -> Iterator[str]:
    top = [x for x in comparison.axes if not _within(x, comparison.axes)]
    if len(top) > 1:
        yield (
            f"Arms differ in {len(top)} settings at once ({_some(top)}): a difference "
            "between two arms may come from any of those in which they differ."
        )
    if found:
        yield (
            "These runs differ in more than the compared axis: "
            f"{_some([x.setting for x in found])}. See Differences."
        )
    edited = [x for x in comparison.entries if _edited(x.run)]
    if edited:
        yield (
            f"{_count(len(edited), 'run was', 'runs were')} made with edited code, so "
            "that their commit does not say what ran."
        )


def _uneven(comparison: Comparison) -> Iterator[str]:
    lacking = [
        f"{arm} in {task}"
        for arm in comparison.arms
        for task in comparison.tasks
        if not comparison.runs(arm, task)
    ]
    if lacking:
        yield f"No run of {_some(lacking)}: arms are compared in the tasks they share."


def _about_metric(comparison: Comparison, numbers: Numbers) -> Iterator[str]:
    metric = numbers.metric
    pairs = list(zip(comparison.entries, numbers.values, strict=True))
    missing = [_name(x) for x, value in pairs if value.final is None]
    if missing:
        yield (
            f"{_count(len(missing), 'run has', 'runs have')} no {metric} and cannot "
            f"count: {_some(missing)}."
        )
    early = [
        f"{_name(x)} (at {v.at:,} env steps)" for x, v in pairs if v.at is not None
    ]
    if early:
        yield (
            f"{metric} has no value in the last part of {_some(early)}; the last one "
            "before is taken."
        )
    sizes = {len(x.scores) for x in numbers.arms_in_tasks}
    if len(sizes) > 1:
        yield (
            f"Cells have {min(sizes)} to {max(sizes)} runs with {metric}; over tasks, "
            "those with more runs weigh more in the interquartile mean."
        )
    if not numbers.pairs and len({x.arm for x in numbers.arms_in_tasks}) > 1:
        yield f"No two arms share a task with {metric}, so that none is compared."


def _in_other_units(numbers: Sequence[Numbers]) -> Iterator[str]:
    own = [
        each.metric
        for each in numbers
        if len({x.task for x in each.arms_in_tasks}) > 1 and not each.normalized
    ]
    if own:
        yield (
            f"{_some(own)}: in units of each task's own, so that no mean over tasks is "
            "shown. Give reference scores with --normalize for one. (The probability "
            "of improvement compares within tasks and needs none.)"
        )


def _untold(tuned: Mapping[str, str | None]) -> Iterator[str]:
    untold = [arm for arm, number in tuned.items() if number is None]
    if untold:
        yield (
            "Over how many settings it was tuned is not stated for: "
            f"{_some(untold)}. An arm that was tuned longer looks better."
        )


def _edited(run: LoadedRun) -> bool:
    return run.settings.get(f"{VERSIONS}.git.dirty") is True


def _within(path: str, others: Sequence[str]) -> bool:
    """Whether one of the configs around a setting is among the others."""
    while path := parent(path):
        if path in others:
            return True
    return False


def _name(entry: Entry) -> str:
    return entry.run.path.name


def _count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number:,} {many}"


def _some(names: Sequence[str]) -> str:
    """The first few of a list, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
