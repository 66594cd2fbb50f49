"""What plans were worth: a table for people, and JSON for programs."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from agents.seeking import Sought
from experiments.config.json import to_json
from experiments.plan.config import PlanConfig

FORMAT_VERSION = 1  # of the JSON


def plan_table(found: Mapping[str, Sought]) -> Table:
    """A line per quantity, a column per seeker."""
    table = Table()
    table.add_column("")
    for name in found:
        table.add_column(name, justify="right")
    lines: dict[str, Callable[[Sought], str]] = {
        "goals reached": lambda x: f"{int(x.reached.sum())} of {len(x.reached)}",
        "success": lambda x: f"{x.success:.1%}",
        "Wilson's 95 % interval": lambda x: "{:.1%} to {:.1%}".format(*x.interval),
        "steps where reached, mean": _steps,
        "starts drawn again": lambda x: str(x.drawn_again),
        "seconds": lambda x: f"{x.seconds:.1f}",
    }
    for label, show in lines.items():
        table.add_row(label, *(show(x) for x in found.values()))
    return table


def write_plan(file: Path, config: PlanConfig, found: Mapping[str, Sought]) -> None:
    """Write how it was planned, and what came of each start, as JSON."""
    content: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "config": to_json(config),
    }
    for name, each in found.items():
        content[name] = {
            "reached": int(each.reached.sum()),
            "starts": len(each.reached),
            "success": each.success,
            "interval_95": each.interval,
            "drawn_again": each.drawn_again,
            "seconds": each.seconds,
            "each_reached": each.reached.tolist(),
            "each_steps": each.steps.tolist(),
        }
    file.parent.mkdir(exist_ok=True)
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    os.replace(unfinished, file)


def _steps(sought: Sought) -> str:
    steps = sought.steps[sought.reached]
    return f"{float(steps.float().mean()):.1f}" if len(steps) else "–"
