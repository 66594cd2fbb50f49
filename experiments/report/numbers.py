"""The numbers of a report: per run, arm and task, over tasks, between arms, cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from agents.score_statistics import (
    Estimate,
    Scores,
    estimate,
    interquartile_mean,
    mean,
    median,
    optimality_gap,
    probability_of_improvement,
)
from experiments.report.arms import Comparison, Entry
from experiments.report.runs import LoadedRun
from experiments.report.values import Reference, RunValue, run_value


@dataclass(frozen=True)
class ArmInTask:
    """A metric of one arm in one task.

    Attributes:
        seeds: of the runs that have the metric, in order of seed.
        scores: their final values, normalised if the metric is.
        iqm: interquartile mean of the scores.
        mean: of the scores.
        area: interquartile mean of the areas under the learning curves, in units of
            the metric; None without curves.
    """

    arm: str
    task: str
    seeds: tuple[str, ...]
    scores: tuple[float, ...]
    iqm: Estimate
    mean: float
    area: Estimate | None


@dataclass(frozen=True)
class OverTasks:
    """Normalised scores of one arm over several tasks."""

    arm: str
    tasks: tuple[str, ...]
    runs: int
    iqm: Estimate
    median: Estimate
    mean: Estimate
    optimality_gap: Estimate


@dataclass(frozen=True)
class Pair:
    """How probably a run of one arm scores higher than a run of another.

    Attributes:
        arm: the one.
        than: the other.
        probability: averaged over the tasks that both have.
        by_task: in each of these tasks.
    """

    arm: str
    than: str
    probability: Estimate
    by_task: Mapping[str, float]


@dataclass(frozen=True)
class Numbers:
    """All numbers of one metric.

    Attributes:
        metric: its name.
        normalized: whether scores are on the scale of `Reference`.
        values: of every run, in the order of the comparison's entries; not normalised.
        arms_in_tasks: of arms and tasks that have the metric.
        over_tasks: per arm; empty for a single task, or where scores of different
            tasks are in different units.
        pairs: of arms that have a task in common.
    """

    metric: str
    normalized: bool
    values: tuple[RunValue, ...]
    arms_in_tasks: tuple[ArmInTask, ...]
    over_tasks: tuple[OverTasks, ...]
    pairs: tuple[Pair, ...]

    def scores(self, arm: str) -> Scores:
        """Scores of one arm by task."""
        return {x.task: np.array(x.scores) for x in self.arms_in_tasks if x.arm == arm}


@dataclass(frozen=True)
class Cost:
    """What an arm took in a task; None where no run says it.

    Attributes:
        runs: how many there are.
        steps: of all its runs together.
        seconds: of training of all its runs together.
        seconds_per_run: mean over the runs that have logged anything.
        speed: env steps per second, over all its runs.
        peak_gib: most GiB that any of its runs held, on the GPU if it ran on one.
        devices: names of GPUs or CPUs.
    """

    arm: str
    task: str
    runs: int
    steps: int
    seconds: float | None
    seconds_per_run: float | None
    speed: float | None
    peak_gib: float | None
    devices: tuple[str, ...]


def numbers(
    comparison: Comparison,
    metric: str,
    last: float = 0.1,
    references: Mapping[str, Reference] | None = None,
) -> Numbers:
    """All numbers of one metric.

    Args:
        comparison: arms and tasks.
        metric: its name.
        last: part of the env steps that final values are the mean of.
        references: by task, to normalise scores; None leaves them as they are.
    """
    values = tuple(run_value(x.run, metric, last) for x in comparison.entries)
    found = []
    for arm in comparison.arms:
        for task in comparison.tasks:
            own = [
                (x, value)
                for x, value in zip(comparison.entries, values, strict=True)
                if (x.arm, x.task) == (arm, task) and value.final is not None
            ]
            if own:
                scale = None if references is None else references[task]
                found.append(_arm_in_task(arm, task, own, scale))
    result = Numbers(metric, references is not None, values, tuple(found), (), ())
    arms = [x for x in comparison.arms if result.scores(x)]
    return Numbers(
        metric,
        result.normalized,
        values,
        result.arms_in_tasks,
        tuple(_over_tasks(result, arms)),
        tuple(_pairs(result, arms)),
    )


def costs(comparison: Comparison) -> list[Cost]:
    """What each arm took in each task."""
    result = []
    for task in comparison.tasks:
        for arm in comparison.arms:
            runs = comparison.runs(arm, task)
            if not runs:
                continue
            timed = [x.seconds for x in runs if x.seconds is not None]
            steps = sum(x.steps for x in runs)  # none where there is no time
            seconds = sum(timed) if timed else None
            result.append(
                Cost(
                    arm,
                    task,
                    len(runs),
                    steps,
                    seconds,
                    seconds / len(timed) if seconds is not None else None,
                    steps / seconds if seconds else None,
                    max((x.peak_gib for x in runs if x.peak_gib), default=None),
                    tuple(sorted({x.device for x in runs})),
                )
            )
    return result


def _arm_in_task(
    arm: str,
    task: str,
    own: Sequence[tuple[Entry, RunValue]],
    scale: Reference | None,
) -> ArmInTask:
    own = sorted(own, key=lambda x: seed_order(x[0].run))
    finals = [x.final for _, x in own if x.final is not None]
    scores = [x if scale is None else scale.normalize(x) for x in finals]
    areas = [x.area for _, x in own if x.area is not None]
    if scale is not None:
        areas = [scale.normalize(x) for x in areas]
    return ArmInTask(
        arm,
        task,
        tuple("–" if x.run.seed is None else str(x.run.seed) for x, _ in own),
        tuple(scores),
        estimate({task: np.array(scores)}),
        float(np.mean(scores)),
        estimate({task: np.array(areas)}) if areas else None,
    )


def _over_tasks(numbers: Numbers, arms: Sequence[str]) -> list[OverTasks]:
    """Over the tasks that all arms have, so that all are measured by the same ones."""
    scores = {arm: numbers.scores(arm) for arm in arms}
    tasks = dict.fromkeys(x.task for x in numbers.arms_in_tasks)
    shared = tuple(x for x in tasks if all(x in own for own in scores.values()))
    if not numbers.normalized or len(shared) < 2:
        return []
    result = []
    for arm in arms:
        own = {task: scores[arm][task] for task in shared}
        result.append(
            OverTasks(
                arm,
                shared,
                sum(map(len, own.values())),
                estimate(own, interquartile_mean),
                estimate(own, median),
                estimate(own, mean),
                estimate(own, optimality_gap),
            )
        )
    return result


def _pairs(numbers: Numbers, arms: Sequence[str]) -> list[Pair]:
    result = []
    for arm, than in combinations(arms, 2):
        left, right = numbers.scores(arm), numbers.scores(than)
        by_task = {
            task: probability_of_improvement(
                {task: left[task]}, {task: right[task]}, draws=1
            ).value
            for task in left
            if task in right
        }
        if by_task:
            chance = probability_of_improvement(left, right)
            result.append(Pair(arm, than, chance, by_task))
    return result


def seed_order(run: LoadedRun) -> tuple[bool, float, str]:
    """By which the runs of an arm are sorted: numbers first, in their order."""
    seed = run.seed
    numeric = isinstance(seed, int | float)
    return (not numeric, float(seed) if isinstance(seed, int | float) else 0, str(seed))
