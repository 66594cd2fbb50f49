"""Gathers the noise matrix: `python docs/collect_noise_matrix.py SWEEP`.

A line for each run: noise, signal, seed; trackers and rooms at the end of an episode,
as the mean over the last half of the run, over each of its eight parts, and the best;
for each event its share of steps, and of the bonus, in the last half; the information
that codes carry; the commit (+: of edited sources) and the seconds of training. Runs
that have not reached their budget are left out, and named on standard error.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finished import commit_of, finished

from experiments.report.events import EVENT, TALLY, best_part, last_half, parts
from experiments.report.runs import LoadedRun

INFORMATION = "world_model/invariance"


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        yield {**cell["axes"], "seed": cell["seed"], **measured(run)}


def measured(run: LoadedRun) -> dict[str, Any]:
    """What a run came to."""
    line: dict[str, Any] = {"env_steps": run.steps}
    for fact in ("trackers", "rooms"):
        line[fact] = _rounded(last_half(run, TALLY + fact))
        line[f"{fact}_best"] = _rounded(best_part(run, TALLY + fact))
    line["trackers_eighths"] = [_rounded(x) for x in parts(run, TALLY + "trackers")]
    for name in run.columns:
        if name.startswith(EVENT) and "/raw/" not in name:
            # event/noise/bonus/rnd: which signal it was, the line tells anyway
            key = "/".join(name.split("/")[1:3])
            line[key] = _rounded(last_half(run, name))
    if (told := last_half(run, INFORMATION)) is not None:
        line["information"] = _rounded(told)
    line["commit"] = commit_of(run)
    line["seconds"] = round(run.seconds or 0.0, 1)
    return line


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


if __name__ == "__main__":
    for line in collected(Path(sys.argv[1])):
        print(json.dumps(line))
