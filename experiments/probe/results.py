"""What `curious probe` leaves: tables for people, a page with pictures, and JSON."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from experiments.config.json import to_json
from experiments.probe.config import ProbeConfig
from experiments.probe.plots import draw
from experiments.probe.tables import (
    CLASSES,
    NUMBERS,
    ahead_table,
    diagnostics_table,
    fitting,
    readings_table,
)
from experiments.report.files import filled_at_once
from experiments.report.page import Picture, Section, to_html, to_markdown
from experiments.runs.versions import versions
from world_models.data.description import write_json
from world_models.probing.findings import Findings, Reading
from world_models.probing.tallies import Score

FORMAT_VERSION = 1  # of probe.json
JSON, HTML, MARKDOWN = "probe.json", "probe.html", "probe.md"
_HOW = (
    "Whole episodes are drawn for three sides; no episode is on two of them. Probes "
    "are fitted on the first, chosen by the second (penalty, early stop) and measured "
    "on the third.",
    "Latents are brought to mean 0 and std 1 by the training rows, and those constants "
    "stay. The model is in evaluation mode.",
    "Every layer has probes of its own, so what is predicted is not read by a probe "
    "that was fitted on what is seen. One probe reads predictions over all numbers of "
    "steps.",
    "Intervals are percentiles of 1,000 bootstrap draws of whole test episodes.",
    "Pictures leave out the interval of an R² where it is wider than 1: so little does "
    "the fact vary in some test episodes.",
    "RMSE of several numbers is the Euclidean error, in the fact's unit. F1 is the "
    "mean over classes, weighted by how many test rows each has.",
    "Shuffled: the same probe fitted and measured on facts of other rows of the same "
    "side, where nothing can be read. Where it beats the mean guess or the "
    "commonest class by more than its interval, something is wrong; or episodes are so "
    "few that what is common differs from side to side.",
    "Random weights: the same network before it learned anything. Pixels: at most "
    "1,024 of the frame, averaged; none beside what is predicted, which sees no frame.",
    "What is predicted was told the actions: velocities that are high with random "
    "weights, too, were read off these.",
)


def write_findings(
    findings: Findings, model: str, config: ProbeConfig, folder: Path
) -> None:
    """Write `probe.json`, `probe.html`, `probe.md` and pictures, all or nothing.

    Args:
        findings: what was found.
        model: what was probed, in a few words.
        config: what was asked for.
        folder: made if missing.

    Raises:
        ConfigError: nothing can be written there.
    """
    with filled_at_once(folder) as unfinished:
        write_json(unfinished / JSON, _content(findings, model, config))
        pictures = draw(findings, unfinished)
        told = list(sections(findings, pictures))
        title = f"What can be read off {model}"
        (unfinished / HTML).write_text(to_html(title, told), "utf-8")
        (unfinished / MARKDOWN).write_text(to_markdown(title, told), "utf-8")


def print_findings(findings: Findings, console: Console) -> None:
    """The tables, and what is doubtful."""
    for section in sections(findings, {}, max(3, (console.width - 42) // 9)):
        if section.table is None:
            continue
        console.print(section.title, style="bold", highlight=False, markup=False)
        table, shown = section.table, fitting(section.table, console.width)
        console.print(table.for_terminal(shown))
        if missing := table.left_out(shown):
            console.print(missing, style="dim", highlight=False, markup=False)
    for note in findings.notes:
        console.print(f"note: {note}", style="yellow", highlight=False, markup=False)


def sections(
    findings: Findings, pictures: Mapping[str, list[Picture]], steps: int = 12
) -> Iterator[Section]:
    """All that the page says, in order; of so many numbers of steps ahead at most."""
    train, val, test = findings.episodes
    yield Section(
        "What was looked at",
        [
            f"{findings.frames:,} frames of {findings.about}, in "
            f"{train + val + test:,} episodes: {train:,} to fit probes on, {val:,} to "
            f"choose by, {test:,} to measure on."
        ],
        points=findings.notes,
    )
    kinds = {NUMBERS: "Facts that are numbers", CLASSES: "Facts that are classes"}
    for score, title in kinds.items():
        table = readings_table(findings, score)
        if table.rows:
            yield Section(title, table=table, pictures=pictures.get(score, ()))
    ahead = ahead_table(findings, steps)
    if ahead.rows:
        text = (
            "RMSE, or F1 of classes, of linear probes by the number of steps that were "
            "predicted over without looking."
        )
        yield Section("Ahead", [text], table=ahead, pictures=pictures.get("ahead", ()))
    if pictures.get("scatter"):
        text = "Up to 400 test rows: what ridge tells, and what is true."
        yield Section("Told and true", [text], pictures=pictures["scatter"])
    yield Section("Diagnostics without labels", table=diagnostics_table(findings))
    yield Section("How it is measured", points=_HOW)


def _content(findings: Findings, model: str, config: ProbeConfig) -> dict[str, Any]:
    train, val, test = findings.episodes
    return {
        "format_version": FORMAT_VERSION,
        "model": model,
        "frames": findings.frames,
        "of": findings.about,
        "episodes": {"train": train, "val": val, "test": test},
        "readings": [_reading(x) for x in findings.readings],
        "diagnostics": {
            arm: {
                layer: {k: _finite(x) for k, x in values.items()}
                for layer, values in layers.items()
            }
            for arm, layers in findings.diagnostics.items()
        },
        "notes": list(findings.notes),
        "config": to_json(config),
        "versions": versions(),
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "arm": reading.arm,
        "layer": reading.layer,
        "fact": reading.fact,
        "unit": reading.unit,
        "probe": reading.probe,
        "labels": reading.labels,
        "ahead": reading.ahead,
        "rows": reading.rows,
        "scores": {k: _score(x) for k, x in reading.scores.items()},
    }


def _score(score: Score) -> dict[str, float | None]:
    return {k: _finite(x) for k, x in score._asdict().items()}


def _finite(value: float | None) -> float | None:
    """JSON has no NaN."""
    return None if value is None or not math.isfinite(value) else value
