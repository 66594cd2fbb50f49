"""Baselines of probes: the same probes of an untrained encoder and of raw pixels."""

from collections.abc import Iterator
from dataclasses import dataclass

from experiments.report.arms import Comparison
from experiments.report.numbers import ArmInTask, Numbers, seed_order
from experiments.report.page import Section, TextTable, number

PROBE = "probe"
BASELINES = ("random", "pixels")
"""what `curious pretrain` probes besides: an untrained encoder, and raw pixels"""


@dataclass(frozen=True)
class BaselineMargins:
    """By how much a probe of one arm in one task is above the same probe of a baseline.

    Attributes:
        values: the baseline's, in the runs that have both, in order of seed.
        margins: by how much the arm's value is above it, run by run.
    """

    values: tuple[float, ...]
    margins: tuple[float, ...]

    @property
    def margin(self) -> float:
        """Mean of the margins."""
        return sum(self.margins) / len(self.margins)


def baseline_margins(
    comparison: Comparison, numbers: Numbers, arm: ArmInTask, baseline: str
) -> BaselineMargins | None:
    """How far `probe/x` of an arm in a task is above its `baseline/x`.

    Margins are taken within runs: an untrained encoder has the seed of the trained one.
    None where no run has a baseline, and for normalised scores, since it has none.
    """
    kind, _, what = numbers.metric.partition("/")
    if kind != PROBE or numbers.normalized:
        return None
    entries = zip(comparison.entries, numbers.values, strict=True)
    own = [
        (x, value.final, x.run.results[f"{baseline}/{what}"])
        for x, value in entries
        if (x.arm, x.task) == (arm.arm, arm.task)
        and value.final is not None
        and f"{baseline}/{what}" in x.run.results
    ]
    own.sort(key=lambda x: seed_order(x[0]))
    if not own:
        return None
    return BaselineMargins(
        tuple(theirs for _, _, theirs in own),
        tuple(mine - theirs for _, mine, theirs in own),
    )


def baseline_sections(comparison: Comparison, numbers: Numbers) -> Iterator[Section]:
    """A table of all arms above their baselines, best first; none without baselines."""
    arms = sorted(numbers.arms_in_tasks, key=lambda x: -x.mean)
    found = {
        name: [baseline_margins(comparison, numbers, x, name) for x in arms]
        for name in BASELINES
    }
    found = {name: each for name, each in found.items() if any(each)}
    if not found:
        return
    rows = []
    for arm, *each in zip(arms, *found.values(), strict=True):
        means = ["–" if x is None else f"{x.margin:+.3f}" for x in each]
        seeds = [text for x in each for text in _by_seed(x)]
        rows.append((arm.task, arm.arm, number(arm.mean), *means, *seeds))
    columns = ["task", "arm", "mean", *(f"over {name}" for name in found)]
    for name in found:
        columns += [f"over {name}, by seed", f"{name}, by seed"]
    yield Section(
        f"{numbers.metric}: beside what learned nothing",
        [
            "The same probe of an untrained encoder of the same shape (random) and of "
            "raw pixels. Margins are taken run by run. Highest mean first."
        ],
        table=TextTable(columns, rows, 2),
    )


def _by_seed(x: BaselineMargins | None) -> tuple[str, str]:
    if x is None:
        return "–", "–"
    margins = ", ".join(f"{margin:+.3f}" for margin in x.margins)
    return margins, ", ".join(map(number, x.values))
