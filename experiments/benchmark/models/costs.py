"""What steps of world models cost: in seconds, and in times the least they could."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from rich.console import Group
from rich.table import Table

from experiments.benchmark.models.floor import CountedArm, floors
from experiments.benchmark.models.peer import PACKAGE, SAME_EYES, is_installed
from experiments.benchmark.timing import (
    Arm,
    Spread,
    Timing,
    by_cpu_time,
    ratio,
    speeds,
    update_seconds,
)

WALL, CPU = "model_costs", "model_costs_in_cpu_time"

Costs = Mapping[str, Mapping[str, Any]]


def costs(
    arms: Sequence[Arm], timings: Sequence[Timing], baselines: Mapping[str, str]
) -> Costs:
    """Of each arm whose work was counted: speeds, floors, and ratios within rounds.

    Args:
        baselines: from an arm to the one that its time is divided by.
    """
    found: dict[str, dict[str, Any]] = {}
    for arm in arms:
        if not isinstance(arm, CountedArm):
            continue
        mine = update_seconds(timings, arm.name)
        least = floors(arm.work, timings)
        row = {
            **_spread("per_second", Spread.of(speeds(timings, arm.name))),
            **_spread("seconds", Spread.of(mine)),
            **_spread("floor_seconds", Spread.of(least)),
            **_spread("over_floor", ratio(mine, least)),
        }
        if arm.name in baselines:
            theirs = update_seconds(timings, baselines[arm.name])
            row |= _spread("over_peer", ratio(mine, theirs))
        found[arm.name] = row
    return found


def by_clock(
    arms: Sequence[Arm],
    timings: Sequence[Timing],
    baselines: Mapping[str, str],
    device: torch.device,
) -> dict[str, Costs]:
    """The costs in time that went by and, where a CPU does the work, in CPU time."""
    found = {WALL: costs(arms, timings, baselines)}
    if device.type == "cpu":
        found[CPU] = costs(arms, by_cpu_time(timings), baselines)
    return found


def tables(title: str, found: Mapping[str, Costs]) -> Group:
    """A table for each clock: medians over rounds, ratios taken within rounds."""
    return Group(
        *(
            _table(title if clock == WALL else "The same per CPU second", rows)
            for clock, rows in found.items()
        )
    )


def _table(title: str, rows: Costs) -> Table:
    result = Table(title=title)
    result.add_column("batch, model, what", no_wrap=True)
    for header in ("transitions", "× floor", "× peer"):
        result.add_column(header, justify="right")
    for name, row in rows.items():
        result.add_row(
            name,
            f"{row['per_second']:,.0f}",
            _range(row, "over_floor", "{:.1f}"),
            _range(row, "over_peer", "{:.2f}"),
        )
    return result


def notes(arms: Sequence[Arm], timings: Sequence[Timing]) -> Iterator[str]:
    """What the machine can do, and what was compared with what."""
    for arm in arms:
        if not isinstance(arm, CountedArm):
            rate = Spread.of(speeds(timings, arm.name))
            yield (
                f"{arm.name}: {rate.median / 1e9:,.1f} ({rate.low / 1e9:,.1f}–"
                f"{rate.high / 1e9:,.1f}) G{arm.unit}/s."
            )
    if is_installed():
        yield f"The peer is {SAME_EYES}: what is equal stands in the results."
    else:
        yield f"{PACKAGE} is not installed: no other library's step was timed."


def _spread(key: str, spread: Spread | None) -> dict[str, Any]:
    assert spread is not None
    return {key: spread.median, f"{key}_low": spread.low, f"{key}_high": spread.high}


def _range(row: Mapping[str, Any], key: str, form: str) -> str:
    if key not in row:
        return "–"
    middle, low, high = (form.format(row[f"{key}{x}"]) for x in ("", "_low", "_high"))
    return f"{middle} ({low}–{high})"
