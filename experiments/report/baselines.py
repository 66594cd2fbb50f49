"""Baselines: what a metric comes to where nothing was learned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from agents.score_statistics import Estimate, estimate, mean
from experiments.report.arms import Comparison
from experiments.report.numbers import ArmInTask, Numbers, seed_order
from experiments.report.page import Section, TextTable, interval, number
from experiments.report.values import run_value

BASELINES: Mapping[str, Mapping[str, str]] = {
    "probe": {
        "random": "the same probe of an untrained encoder of the same shape",
        "pixels": "the same probe of raw pixels",
    },
    "evaluate": {"random": "as many episodes of uniformly random play"},
}
"""by what a metric's name begins with: baselines that runs have, and what they are"""


@dataclass(frozen=True)
class BaselineMargins:
    """By how much a metric of one arm in one task is above a baseline's.

    Attributes:
        values: the baseline's, in the runs that have both, in order of seed.
        margins: by how much the arm's value is above it, run by run.
    """

    values: tuple[float, ...]
    margins: tuple[float, ...]

    @property
    def value(self) -> Estimate:
        """Mean of the baseline's values."""
        return _mean(self.values)

    @property
    def margin(self) -> Estimate:
        """Mean of the margins."""
        return _mean(self.margins)


def baseline_margins(
    comparison: Comparison,
    numbers: Numbers,
    arm: ArmInTask,
    baseline: str,
    last: float = 0.1,
) -> BaselineMargins | None:
    """How far a metric `kind/x` of an arm in a task is above the run's `baseline/x`.

    Margins are taken within runs: an untrained encoder has the seed of the trained one,
    and random play the world and the number of episodes of the agent. None where no run
    has the baseline, and for normalised scores, since it has none.

    Args:
        comparison: arms and tasks.
        numbers: of the metric.
        arm: which.
        baseline: what the baseline's names begin with.
        last: part of the env steps that final values are the mean of.
    """
    kind, _, what = numbers.metric.partition("/")
    if baseline not in BASELINES.get(kind, {}) or numbers.normalized:
        return None
    own = []
    for x, value in zip(comparison.entries, numbers.values, strict=True):
        theirs = run_value(x.run, f"{baseline}/{what}", last).final
        if (x.arm, x.task) != (arm.arm, arm.task):
            continue
        if value.final is not None and theirs is not None:
            own.append((x, value.final, theirs))
    own.sort(key=lambda x: seed_order(x[0].run))
    if not own:
        return None
    return BaselineMargins(
        tuple(theirs for _, _, theirs in own),
        tuple(mine - theirs for _, mine, theirs in own),
    )


def baseline_sections(
    comparison: Comparison, numbers: Numbers, last: float = 0.1
) -> Iterator[Section]:
    """A table of all arms above their baselines, best first; none without baselines."""
    arms = sorted(numbers.arms_in_tasks, key=lambda x: -x.mean)
    known = BASELINES.get(numbers.metric.partition("/")[0], {})
    found = {
        name: [baseline_margins(comparison, numbers, x, name, last) for x in arms]
        for name in known
    }
    found = {name: each for name, each in found.items() if any(each)}
    if not found:
        return
    rows = []
    for arm, *each in zip(arms, *found.values(), strict=True):
        margins = ["–" if x is None else _signed(x.margin) for x in each]
        values = ["–" if x is None else _with_interval(x.value) for x in each]
        seeds = [text for x in each for text in _by_seed(x)]
        own = _with_interval(_mean(arm.scores))
        rows.append((arm.task, arm.arm, own, *margins, *values, *seeds))
    columns = ["task", "arm", "mean", *(f"over {name}" for name in found), *found]
    for name in found:
        columns += [f"over {name}, by seed", f"{name}, by seed"]
    yield Section(
        f"{numbers.metric}: beside what learned nothing",
        [
            f"{'; '.join(f'{name}: {known[name]}' for name in found)}. Means over "
            "runs, with 95 % intervals where there are runs enough; margins are taken "
            "run by run. Highest mean first."
        ],
        table=TextTable(columns, rows, 2),
    )


def _mean(values: tuple[float, ...]) -> Estimate:
    return estimate({"": np.array(values)}, mean)


def _with_interval(x: Estimate) -> str:
    return number(x.value) if x.low is None else f"{number(x.value)} {interval(x)}"


def _signed(x: Estimate) -> str:
    text = f"{x.value:+.3f}"
    return text if x.low is None else f"{text} [{x.low:+.3f}, {x.high:+.3f}]"


def _by_seed(x: BaselineMargins | None) -> tuple[str, str]:
    if x is None:
        return "–", "–"
    margins = ", ".join(f"{margin:+.3f}" for margin in x.margins)
    return margins, ", ".join(map(number, x.values))
