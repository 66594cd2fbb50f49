"""One number per run and metric: what it came to, and how it got there."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.report.runs import LoadedRun
from ssl_objectives.refusal import ConfigError, suggest

RETURN = "episode/return"


@dataclass(frozen=True)
class RunValue:
    """A metric of one run.

    Attributes:
        final: mean over the rows in the last part of its env steps; from results.json
            if the metric is not logged. None if the run has neither.
        area: mean over env steps, from the first value to the last (the area under the
            curve over its width); None for a number from results.json.
        at: env steps of the value if there is none in the last part, so that the last
            one before was taken; else None.
    """

    final: float | None
    area: float | None
    at: int | None = None


@dataclass(frozen=True)
class Reference:
    """Two scores between which a task's scores are measured: 0 is random, 1 is good."""

    random: float
    reference: float

    def normalize(self, score: float) -> float:
        """The score on that scale."""
        return (score - self.random) / (self.reference - self.random)


def run_value(run: LoadedRun, metric: str, last: float = 0.1) -> RunValue:
    """What a metric of a run came to.

    Args:
        run: the run.
        metric: name in its metrics, or in its results.json.
        last: part of the run's env steps that the final value is the mean of.
    """
    steps, _, values = run.series(metric)
    if not len(values):
        result = run.results.get(metric, np.nan)
        return RunValue(result if np.isfinite(result) else None, None)
    inside = steps > (1 - last) * run.steps
    if inside.any():
        return RunValue(float(values[inside].mean()), mean_over(steps, values))
    return RunValue(float(values[-1]), mean_over(steps, values), int(steps[-1]))


def mean_over(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Mean of a curve of straight lines between its points."""
    width = x[-1] - x[0]
    if width <= 0:
        return float(y.mean())
    return float(np.diff(x) @ (y[1:] + y[:-1]) / 2 / width)


def metrics_of(runs: Sequence[LoadedRun], asked: Sequence[str]) -> tuple[str, ...]:
    """The metrics to report: those asked for, else returns, else all results.

    Where the world never pays, what came of episodes in place of returns.

    Raises:
        ConfigError: no run has one of them, or has anything to report.
    """
    logged = {name for run in runs for name in run.columns if "/" in name}
    results = dict.fromkeys(name for run in runs for name in run.results)
    for name in asked:
        if name not in logged and name not in results:
            hint = suggest(name, sorted({*logged, *results}))
            raise ConfigError(f"--metric {name}: no run has it.{hint}")
    if asked:
        return tuple(dict.fromkeys(asked))
    if RETURN in logged:
        tallies = sorted(x for x in logged if x.startswith("tally/"))
        pays = any(np.nan_to_num(x.columns.get(RETURN, 0.0)).any() for x in runs)
        return (RETURN,) if pays or not tallies else tuple(tallies)
    if results:
        return tuple(results)
    has = f" They have: {', '.join(sorted(logged))}." if logged else ""
    raise ConfigError(
        f"None of the {len(runs)} runs has {RETURN} in its metrics, or a results.json."
        f"{has} Name what to report with --metric."
    )


def read_references(file: Path, tasks: Sequence[str]) -> dict[str, Reference]:
    """Scores by task from TOML or JSON: `[Pong]`, `random = -20.7`, `reference = 14.6`.

    Raises:
        ConfigError: the file cannot be read, or lacks a task or a score.
    """
    try:
        text = file.read_text("utf-8")
        content: Any = (
            json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        )
    except (OSError, ValueError) as error:
        raise ConfigError(f"--normalize {file} cannot be read ({error}).") from error
    return {task: _reference(file, content, task) for task in tasks}


def _reference(file: Path, content: Any, task: str) -> Reference:
    if not isinstance(content, Mapping) or task not in content:
        known = [x for x in content if isinstance(content[x], Mapping)]
        raise ConfigError(
            f"--normalize {file} has no scores for {task!r}.{suggest(task, known)}"
        )
    try:
        scores = Reference(
            float(content[task]["random"]), float(content[task]["reference"])
        )
    except (KeyError, TypeError, ValueError):
        raise ConfigError(
            f"--normalize {file}: {task!r} needs two numbers, random and reference."
        ) from None
    if scores.random == scores.reference:
        raise ConfigError(
            f"--normalize {file}: {task!r} has equal random and reference scores, so "
            "that nothing can be measured between them."
        )
    return scores
