"""Runs as a report reads them: where they lie, their settings, metrics and results."""

import glob
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.runs.folder import NotARun, RunFolder
from experiments.runs.logger import MetricsError, read_metrics

FORMAT_VERSION = 1  # of results.json and notes.json
VERSIONS = "versions"  # what the settings from versions.json begin with
AXES = "axes"  # what names of values on a sweep's axes begin with

Value = str | int | float | bool | None


class Kind(str):
    """The class of a config: the `module:QualName` that stands under "type"."""

    @property
    def plain(self) -> str:
        """The class name without Config."""
        name = self.rpartition(":")[2].rpartition(".")[2]
        return name.removesuffix("Config") or name


class RunUnreadable(Exception):
    """A run cannot be reported; the message says which, and why."""


@dataclass(frozen=True)
class LoadedRun:
    """A run as it was loaded for a report: all that the report knows of it.

    Attributes:
        path: the run folder.
        settings: leaves of its config and of versions.json, by dotted path; a config
            inside a config also is one, of type `Kind`. In a sweep `axes.<axis>` is
            what the value of the cell is called.
        columns: see `read_metrics`.
        results: numbers from results.json.
        settings_tried: how many settings its own were chosen among, from notes.json.
    """

    path: Path
    settings: Mapping[str, Value]
    columns: Mapping[str, NDArray[Any]]
    results: Mapping[str, float] = field(default_factory=dict)
    settings_tried: int | None = None

    @property
    def seed(self) -> Value:
        """The seed of the config; None if it has none."""
        return self.settings.get("seed")

    @property
    def steps(self) -> int:
        """Steps of all envs together; 0 if nothing was logged."""
        return int(self.columns["steps"][-1]) if self._rows else 0

    @property
    def seconds(self) -> float | None:
        """Seconds of training, pauses left out."""
        return float(self.columns["wall_time"][-1]) if self._rows else None

    @property
    def frames_per_step(self) -> float | None:
        """Emulated frames per env step; None if the run has not logged its frames."""
        steps, _, frames = self.series("time/frames")
        return float(frames[-1] / steps[-1]) if len(frames) else None

    @property
    def peak_gib(self) -> float | None:
        """Most GiB that it held, on its device; None if the run has not logged it."""
        _, _, peak = self.series("memory/peak_gib")
        return float(peak.max()) if len(peak) else None

    @property
    def budget(self) -> int | None:
        """Env steps that the run was to make, as far as its config says.

        Of `curious pretrain`: gradient steps.
        """
        steps = self.settings.get("env_steps", self.settings.get("steps"))
        return steps if isinstance(steps, int) else None

    @property
    def finished(self) -> bool:
        """Whether it reached its budget, or what it was to stop at.

        Of runs without a budget: whether it left results.
        """
        if self.budget is None:
            return bool(self.results)
        _, _, reached = self.series("goal/reached")
        return self.steps >= self.budget or bool(reached[-1:].any())

    @property
    def device(self) -> str:
        """What it ran on: the GPU's or the CPU's name."""
        asked = str(self.settings.get("device", "auto"))
        name, _, index = asked.partition(":")
        gpu = self.settings.get(f"{VERSIONS}.gpus[{index or 0}]")
        if name in ("auto", "cuda") and gpu is not None:
            return str(gpu)
        if name == "cuda":
            return asked
        return str(self.settings.get(f"{VERSIONS}.cpu") or "cpu")

    def series(self, metric: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Env steps, seconds and values of the rows where the metric is finite."""
        values = self.columns.get(metric)
        if values is None:
            empty = np.zeros(0)
            return empty, empty, empty
        known = np.isfinite(values)
        steps, seconds = self.columns["steps"], self.columns["wall_time"]
        return steps[known].astype(np.float64), seconds[known], values[known]

    @property
    def _rows(self) -> int:
        return len(self.columns["steps"])


def find_runs(where: Sequence[str | Path]) -> list[Path]:
    """Run folders at or below the given paths and globs, each once, in that order.

    Raises:
        NotARun: a path does not exist, or there is no run in any of them.
    """
    found: dict[Path, Path] = {}
    for each in where:
        paths = [Path(each).expanduser()]
        if not paths[0].exists():
            paths = [Path(x) for x in sorted(glob.glob(str(paths[0]), recursive=True))]
        if not paths:
            raise NotARun(f"There is nothing at {each}. Give folders of runs.")
        for path in paths:
            for run in _runs_below(path):
                found.setdefault(run.resolve(), run)
    if not found:
        raise NotARun(
            f"There is no run in {', '.join(map(str, where))}: no folder that holds a "
            "config.json. Give run folders, or folders that contain some."
        )
    return list(found.values())


def cells_without_runs(where: Sequence[str | Path]) -> list[str]:
    """Names of cells that a sweep lists, but that have left no run; may be empty."""
    missing = []
    for each in where:
        for file in sorted(Path(each).expanduser().glob("**/cells.json")):
            try:
                cells = json.loads(file.read_text("utf-8"))["cells"]
                folders = {x["name"]: file.parent / x["folder"] for x in cells}
            except (OSError, ValueError, LookupError, TypeError):
                continue  # some other file of that name
            missing += [k for k, x in folders.items() if not any(_runs_below(x))]
    return missing


def read_run(path: Path) -> LoadedRun:
    """Read a run folder; classes in its config need not exist here.

    Raises:
        RunUnreadable: a file in it is damaged.
    """
    run = RunFolder(path)
    settings = dict(flatten(_read_json(run.config_file)))
    settings.pop("format_version", None)
    if (path / "versions.json").is_file():
        versions = _read_json(path / "versions.json")
        versions.pop("command", None)  # its paths differ between all runs
        settings |= flatten(versions, VERSIONS)
    settings |= flatten(_axes_of(path), AXES)
    try:
        columns = read_metrics(run)
    except MetricsError as error:
        raise RunUnreadable(str(error)) from error
    tried = _versioned(path / "notes.json").get("settings_tried")
    if not isinstance(tried, int | None):
        raise RunUnreadable(f"{path / 'notes.json'}: settings_tried is no number.")
    results = _versioned(path / "results.json").get("results", {})
    try:
        numbers = {str(k): float(x) for k, x in results.items()}
    except (AttributeError, TypeError, ValueError):
        message = f'{path / "results.json"}: "results" must map names to numbers.'
        raise RunUnreadable(message) from None
    return LoadedRun(path, settings, columns, numbers, tried)


def _axes_of(run: Path) -> dict[str, str]:
    """What the values of its cell are called, by axis; empty outside of sweeps."""
    file = run.resolve().parents[2] / "cells.json"  # SWEEP/cells/CELL/RUN
    try:
        cells = json.loads(file.read_text("utf-8"))["cells"]
        [axes] = [
            x["axes"]
            for x in cells
            if file.parent / x["folder"] == run.resolve().parent
        ]
        return {str(k): str(x) for k, x in axes.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # no sweep, or some other file of that name


def flatten(node: Any, path: str = "") -> Iterator[tuple[str, Value]]:
    """Leaves of a JSON tree by dotted path; a "type" stands at its object's path."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "type":
                yield path or "type", Kind(value)
            else:
                yield from flatten(value, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from flatten(value, f"{path}[{i}]")
    else:
        yield path, node


def _runs_below(path: Path) -> Iterator[Path]:
    """In order of their names, which begin with the time they were made."""
    if path.is_file() and path.name == "config.json":
        yield path.parent
    for folder, below, files in os.walk(path):
        if "config.json" in files:
            yield Path(folder)
            below.clear()  # no runs inside runs
        below[:] = sorted(x for x in below if not x.startswith("."))


def _versioned(file: Path) -> dict[str, Any]:
    """The JSON object in a file of ours; empty if there is none."""
    if not file.is_file():
        return {}
    content = _read_json(file)
    if content.get("format_version") != FORMAT_VERSION:
        raise RunUnreadable(
            f"{file} has format version {content.get('format_version')}; this "
            f"curious-worlds reads version {FORMAT_VERSION}."
        )
    return content


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunUnreadable(f"{file} is not a JSON file ({error}).") from error
    if not isinstance(content, dict):
        raise RunUnreadable(f"{file} does not hold a JSON object.")
    return content
