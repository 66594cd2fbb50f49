"""What a benchmark leaves: a table for people, and a JSON file with every timing."""

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from experiments.benchmark.config import ArmName
from experiments.benchmark.timing import (
    Arm,
    Spread,
    Summary,
    Timing,
    by_cpu_time,
    ratio,
    update_seconds,
)
from experiments.runs.versions import versions
from ssl_objectives.footprint.available import memory_peak

FORMAT_VERSION = 1


COSTS = {
    (ArmName.BYOL_EXPLORE, ArmName.RND): ("BYOL-Explore", "RND"),
    (ArmName.GAMMA_PROGRESS, ArmName.BYOL_EXPLORE): ("γ-Progress", "prediction error"),
    (ArmName.DELTA_PROGRESS, ArmName.BYOL_EXPLORE): ("δ-Progress", "prediction error"),
}
"""what of curiosity is compared with what, and how people call them"""


def curiosity_cost(
    timings: Sequence[Timing], arm: ArmName, over: ArmName
) -> Spread | None:
    """Time of one arm in units of another's, round by round, where both ran."""
    return ratio(
        update_seconds(timings, arm.value), update_seconds(timings, over.value)
    )


def results(
    settings: Mapping[str, Any],
    arms: Sequence[Arm],
    timings: Sequence[Timing],
    summaries: Mapping[str, Summary],
    baselines: Mapping[str, str],
    limit: str | None,
    device: torch.device,
) -> dict[str, Any]:
    """Everything, as JSON."""
    fairness = next((x.fairness for x in arms if x.fairness), None)
    described = {}
    for arm in arms:
        entry: dict[str, Any] = {
            "about": arm.about,
            "unit": arm.unit,
            "units_per_update": arm.units,
            "num_parameters": arm.num_parameters,
            "baseline": baselines.get(arm.name),
            **arm.details(),
        }
        if arm.name in summaries:
            one = summaries[arm.name]
            entry |= {
                "per_second": _spread(one.speed),
                "rollout_seconds": _spread(one.rollout),
                "learning_seconds": _spread(one.learning),
                "ratio_to_baseline": _spread(one.ratio),
                "share_of_limit": _spread(one.share),
            }
        described[arm.name] = entry
    return {
        "format_version": FORMAT_VERSION,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": dict(settings),
        "device": str(device),
        "limit": limit,
        "versions": versions(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
        "memory": memory_peak(device),
        "fairness": inspect.cleandoc(fairness) if fairness else None,
        "arms": described,
        **_costs(timings),
        "timings": [asdict(x) for x in timings],
    }


def write_results(path: Path, content: Mapping[str, Any]) -> None:
    """Write the JSON file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", "utf-8")


def table(
    title: str,
    arms: Sequence[Arm],
    summaries: Mapping[str, Summary],
    baselines: Mapping[str, str],
    limit: str | None,
) -> Table:
    """A row for each arm: median (smallest to largest over rounds)."""
    against = set(baselines.values())
    baseline = next(iter(against)) if len(against) == 1 else "baseline"
    result = Table(title=title)
    result.add_column("arm")
    result.add_column(f"{arms[0].unit}/s", justify="right")
    result.add_column(f"× {baseline}", justify="right")
    if limit is not None:
        result.add_column(f"of {limit}", justify="right")
    result.add_column("rollout", justify="right")
    result.add_column("learning", justify="right")
    for arm in arms:
        one = summaries[arm.name]
        cells = [arm.name, _text(one.speed, "{:,.0f}"), _text(one.ratio, "{:.2f}")]
        if limit is not None:
            cells.append("–" if one.share is None else f"{one.share.median:.0%}")
        for half in (one.rollout, one.learning):
            cells.append("–" if half is None else f"{half.median:.2f} s")
        result.add_row(*cells)
    return result


def _costs(timings: Sequence[Timing]) -> dict[str, Any]:
    """Those that were measured, by the clock on the wall and in CPU seconds."""
    found = {}
    for arm, over in COSTS:
        name = f"{arm.value}_cost_over_{over.value}".replace("-", "_")
        found[name] = _spread(curiosity_cost(timings, arm, over))
        worked = curiosity_cost(by_cpu_time(timings), arm, over)
        found[f"{name}_cpu"] = _spread(worked)
    return {name: x for name, x in found.items() if x is not None}


def _text(spread: Spread | None, form: str) -> str:
    if spread is None:
        return "–"
    middle, low, high = map(form.format, (spread.median, spread.low, spread.high))
    return f"{middle} ({low}–{high})"


def _spread(spread: Spread | None) -> dict[str, Any] | None:
    if spread is None:
        return None
    return {
        "median": spread.median,
        "min": spread.low,
        "max": spread.high,
        "rounds": list(spread.rounds),
    }
