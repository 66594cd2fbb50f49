"""What a report says, in the order in which it says it."""

from collections.abc import Iterator, Mapping, Sequence

from experiments.report.arms import Comparison, Difference
from experiments.report.baselines import baseline_sections
from experiments.report.events import event_sections
from experiments.report.numbers import Cost, Numbers
from experiments.report.page import (
    Picture,
    Section,
    TextTable,
    clock,
    interval,
    number,
    optional,
)

_PAIRS = 100  # of arms; more than these nobody reads
_PARTS = (
    "What share of its steps an agent gave to each part: means over an arm's runs. And "
    "the world model's loss on each part under a hard-coded gaze, so that what the "
    "agent chose to look at plays no role: the median of an arm's runs, and the range "
    "from the lowest to the highest."
)


def sections(
    comparison: Comparison,
    found: Sequence[Difference],
    numbers: Sequence[Numbers],
    costs: Sequence[Cost],
    notes: Sequence[str],
    tuned: Mapping[str, str | None],
    pictures: Mapping[str, Sequence[Picture]],
    parts: Sequence[Picture],
    last: float,
) -> Iterator[Section]:
    """All sections of a report.

    Args:
        comparison: arms and tasks.
        found: what differs besides.
        numbers: of each metric.
        costs: of each arm in each task.
        notes: see `experiments.report.notes`.
        tuned: by arm, how many settings were tried; None where nobody said.
        pictures: by metric.
        parts: of what worlds consist of; may be none.
        last: part of the env steps that final values are the mean of.
    """
    yield Section("What is compared", [_what(comparison)])
    if notes:
        yield Section("Read this first", points=notes)
    for each in numbers:
        yield scores_section(each)
        yield from baseline_sections(comparison, each, last)
        if each.over_tasks:
            yield _over_tasks(each)
        if each.pairs:
            yield _improvement(each)
        if pictures.get(each.metric):
            title = f"{each.metric}: figures"
            yield Section(title, pictures=pictures[each.metric])
    yield from event_sections(comparison)
    if parts:
        yield Section("Parts of the worlds", [_PARTS], pictures=parts)
    yield _differences(found)
    yield _tuning(tuned)
    yield cost_section(costs)
    yield _runs(comparison, numbers)
    yield Section("How it is computed", points=_method(last))


def scores_section(numbers: Numbers) -> Section:
    """Final values of a metric for each arm and task, with every seed's."""
    unit = ", normalised (0 random, 1 reference)" if numbers.normalized else ""
    rows = [
        (
            x.task,
            x.arm,
            str(len(x.scores)),
            number(x.iqm.value),
            interval(x.iqm),
            number(x.mean),
            "–" if x.area is None else f"{number(x.area.value)} {interval(x.area)}",
            " · ".join(
                f"{seed}: {number(score)}"
                for seed, score in zip(x.seeds, x.scores, strict=True)
            ),
        )
        for x in sorted(
            numbers.arms_in_tasks, key=lambda x: _task_order(numbers, x.task)
        )
    ]
    columns = (
        "task",
        "arm",
        "runs",
        "IQM",
        "95 % interval",
        "mean",
        "mean over training",
    )
    table = TextTable((*columns, "seed: value"), rows, 2)
    return Section(f"{numbers.metric}{unit}", table=table)


def cost_section(costs: Sequence[Cost]) -> Section:
    """What each arm took in each task, and all of them together."""
    rows = [
        (
            x.task,
            x.arm,
            str(x.runs),
            "–" if x.speed is None else f"{x.speed:,.0f}",
            clock(x.seconds_per_run),
            clock(x.seconds),
            f"{x.steps:,}",
            "–" if x.peak_gib is None else f"{x.peak_gib:.2f} GiB",
            ", ".join(x.devices),
        )
        for x in costs
    ]
    seconds = sum(x.seconds or 0.0 for x in costs)
    runs, steps = sum(x.runs for x in costs), sum(x.steps for x in costs)
    rows.append(("all", "", str(runs), "", "", clock(seconds), f"{steps:,}", "", ""))
    columns = ("task", "arm", "runs", "env steps/s", "time per run", "time")
    return Section(
        "Cost",
        ["Hours, minutes and seconds of training, evaluations included, pauses not."],
        table=TextTable((*columns, "env steps", "memory", "device"), rows, 2),
    )


def _what(comparison: Comparison) -> str:
    runs, arms, tasks = comparison.entries, comparison.arms, comparison.tasks
    by = ", ".join(comparison.axes) or "nothing: all runs have the same settings"
    return (
        f"{len(runs)} runs. Arms ({len(arms)}): {'; '.join(arms)}. Tasks "
        f"({len(tasks)}): {'; '.join(tasks)}. Compared by: {by}."
    )


def _over_tasks(numbers: Numbers) -> Section:
    rows = [
        (
            x.arm,
            str(x.runs),
            *(
                f"{number(y.value)} {interval(y)}"
                for y in (x.iqm, x.median, x.mean, x.optimality_gap)
            ),
        )
        for x in numbers.over_tasks
    ]
    columns = ("arm", "runs", "IQM", "median", "mean", "optimality gap")
    tasks = numbers.over_tasks[0].tasks
    return Section(
        f"{numbers.metric}: over tasks",
        [f"Normalised scores over the tasks that all arms have: {', '.join(tasks)}."],
        table=TextTable(columns, rows),
    )


def _improvement(numbers: Numbers) -> Section:
    title = f"{numbers.metric}: probability of improvement"
    if len(numbers.pairs) > _PAIRS:
        text = f"{len(numbers.pairs)} pairs of arms: they are in improvement.csv."
        return Section(title, [text])
    rows = [
        (
            x.arm,
            x.than,
            number(x.probability.value),
            interval(x.probability),
            " · ".join(f"{k}: {number(v)}" for k, v in x.by_task.items()),
        )
        for x in numbers.pairs
    ]
    return Section(
        title,
        [
            "The chance that a run of the first arm scores higher than one of the "
            "second, in the tasks they share. An interval that holds 0.5 shows no "
            "difference."
        ],
        table=TextTable(
            ("arm", "higher than", "P", "95 % interval", "by task"), rows, 2
        ),
    )


def _differences(found: Sequence[Difference]) -> Section:
    if not found:
        text = "None: settings, versions and machines agree in all else."
        return Section("Differences", [text])
    rows = [
        (
            x.setting,
            x.scope.value,
            " · ".join(f"{k}: {', '.join(v)}" for k, v in x.values.items()),
        )
        for x in found
    ]
    text = "These runs differ in more than the compared axis."
    return Section(
        "Differences", [text], table=TextTable(("setting", "where", "values"), rows, 3)
    )


def _tuning(tuned: Mapping[str, str | None]) -> Section:
    rows = [(arm, number or "not stated") for arm, number in tuned.items()]
    return Section(
        "Tuning",
        ["How many settings were tried before those of each arm were chosen."],
        table=TextTable(("arm", "settings tried"), rows),
    )


def _runs(comparison: Comparison, numbers: Sequence[Numbers]) -> Section:
    rows = []
    for i, x in enumerate(comparison.entries):
        run = x.run
        rows.append(
            (
                x.task,
                x.arm,
                "–" if run.seed is None else str(run.seed),
                run.path.name,
                *(optional(each.values[i].final) for each in numbers),
                f"{run.steps:,}",
                "yes" if run.finished else "no",
                clock(run.seconds),
            )
        )
    columns = ("task", "arm", "seed", "run", *(x.metric for x in numbers))
    table = TextTable((*columns, "env steps", "finished", "time"), rows, 4)
    return Section("All runs", ["Values as they are, not normalised."], table=table)


def _method(last: float) -> Sequence[str]:
    return (
        f"Final value of a run: mean over the rows of metrics.jsonl in its last "
        f"{last:.0%} of env steps; for a metric that is not logged, the number in "
        "results.json.",
        "Mean over training: the area under the learning curve over its width, from "
        "the first value to the last; the table has the interquartile mean over runs.",
        "IQM: mean of the middle half of the runs (of all tasks together), floor(n/4) "
        "cut from each end, so that fewer than 4 runs are averaged whole.",
        "Intervals: 95 % percentile bootstrap; runs are resampled within each task, "
        "10,000 times (2,000 for curves), from a fixed seed.",
        "Probability of improvement: share of pairs of runs in which the first scores "
        "higher, ties counting one half, within each task, then averaged over tasks.",
        "Optimality gap: how far normalised scores fall short of 1, scores above 1 "
        "counting as 1.",
        "Curves: means in 100 bins, and their interquartile mean as far as all runs of "
        "an arm go.",
        "Agarwal et al. 2021, Deep Reinforcement Learning at the Edge of the "
        "Statistical Precipice, arXiv 2108.13264.",
    )


def _task_order(numbers: Numbers, task: str) -> int:
    return list(dict.fromkeys(x.task for x in numbers.arms_in_tasks)).index(task)
