"""The files of a report: each whole or not there at all."""

import csv
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from agents.score_statistics import Estimate
from experiments.report.arms import Comparison
from experiments.report.numbers import Cost, Numbers
from experiments.report.page import FORMAT_VERSION
from experiments.report.values import Reference
from ssl_objectives.refusal import ConfigError

Row = Mapping[str, Any]


@contextmanager
def filled_at_once(folder: Path) -> Iterator[Path]:
    """A temporary folder; what is in it at the end moves to `folder`, file by file.

    After an error nothing has moved, and no folder is left that was not there.

    Raises:
        ConfigError: nothing can be written there.
    """
    made = [x for x in (folder, *folder.parents) if not x.exists()]  # innermost first
    try:
        with _filling(folder) as unfinished:
            yield unfinished
    finally:
        with suppress(OSError):  # the first that holds something ends it
            for x in made:
                x.rmdir()


@contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"Nothing can be written to {folder} ({error.strerror}). Give another "
            "folder: --out FOLDER"
        ) from error
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
        yield Path(unfinished)
        for file in sorted(Path(unfinished).iterdir()):
            os.replace(file, folder / file.name)


def write_csv(file: Path, rows: Sequence[Row]) -> None:
    """Write rows under the names of the first; None is an empty field."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        names = [*rows[0], "format_version"] if rows else ["format_version"]
        writer = csv.DictWriter(lines, names)
        writer.writeheader()
        writer.writerows({**row, "format_version": FORMAT_VERSION} for row in rows)


def run_rows(
    comparison: Comparison,
    numbers: Sequence[Numbers],
    references: Mapping[str, Mapping[str, Reference]],
) -> Iterator[Row]:
    """A row for each run: where it stands, its values, what it took, where it lies."""
    for i, x in enumerate(comparison.entries):
        run = x.run
        row: dict[str, Any] = {"arm": x.arm, "task": x.task, "seed": run.seed}
        for each in numbers:
            value = each.values[i]
            row[each.metric] = value.final
            row[f"{each.metric} mean over training"] = value.area
            if each.normalized:
                scale = references[each.metric][x.task]
                row[f"{each.metric} normalized"] = (
                    None if value.final is None else scale.normalize(value.final)
                )
        yield row | {
            "steps": run.steps,
            "steps_budget": run.budget,
            "finished": run.finished,
            "seconds": run.seconds,
            "device": run.device,
            "folder": str(run.path),
        }


def summary_rows(numbers: Sequence[Numbers]) -> Iterator[Row]:
    """A row for each metric, arm and task, and for all tasks together (task empty)."""
    for each in numbers:
        about = {"metric": each.metric, "normalized": each.normalized}
        for x in each.arms_in_tasks:
            yield {
                **about,
                "arm": x.arm,
                "task": x.task,
                "runs": len(x.scores),
                **_named("iqm", x.iqm),
                "mean": x.mean,
                **_named("iqm_over_training", x.area),
                **_named("optimality_gap", None),
            }
        for y in each.over_tasks:
            yield {
                **about,
                "arm": y.arm,
                "task": None,
                "runs": y.runs,
                **_named("iqm", y.iqm),
                "mean": y.mean.value,
                **_named("iqm_over_training", None),
                **_named("optimality_gap", y.optimality_gap),
            }


def pair_rows(numbers: Sequence[Numbers]) -> Iterator[Row]:
    """A row for each metric and pair of arms."""
    for each in numbers:
        for x in each.pairs:
            yield {
                "metric": each.metric,
                "arm": x.arm,
                "higher_than": x.than,
                "tasks": len(x.by_task),
                **_named("probability", x.probability),
            }


def cost_rows(costs: Sequence[Cost]) -> Iterator[Row]:
    """A row for each arm and task."""
    for x in costs:
        yield {
            "arm": x.arm,
            "task": x.task,
            "runs": x.runs,
            "steps": x.steps,
            "seconds": x.seconds,
            "steps_per_second": x.speed,
            "peak_gib": x.peak_gib,
            "devices": "; ".join(x.devices),
        }


def _named(name: str, estimate: Estimate | None) -> Row:
    """Value and both ends, as three columns."""
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    ends = {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return {name: estimate.value, **ends}
