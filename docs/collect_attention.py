"""Gathers who looked at what: `python docs/collect_attention.py SWEEP`.

A line for each run of a sweep in the attention world: company and animate group, the
cell's values, by axis, its seed; the last `watched/*`; mean `share/in_view/*` over the
last 75 % of the env steps; over time the share of the animate group, in 24 equal parts
of the run, and the loss on it with the env steps at which it was measured; the commit
(+: of edited sources) and the seconds of training. Runs that have not reached their
budget are left out, and named on standard error.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from finished import commit_of, finished

from experiments.report.runs import LoadedRun

WATCHED, SHARE = "watched/", "share/in_view/"
BEGIN = 0.25  # of the env steps, behind which shares count
BINS = 24


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        world = {x: named(run, x) for x in ("company", "animate")}
        line = {"seed": cell["seed"], "env_steps": run.steps}
        yield world | cell["axes"] | line | measured(run, world["animate"])


def named(run: LoadedRun, field: str) -> str:
    """A choice of the run's world."""
    return str(run.settings[f"world.{field}"]).lower()


def measured(run: LoadedRun, animate: str) -> dict[str, Any]:
    """What a run came to.

    Args:
        run: with `watched/*` and `share/in_view/*` in its metrics.
        animate: name of the animate group.
    """
    steps, _, losses = run.series(WATCHED + animate)
    return {
        **_each(run, WATCHED, lambda _, values: values[-1]),
        **_each(run, SHARE, lambda at, values: values[at > BEGIN * at[-1]].mean()),
        "animate_share": binned(*run.series(SHARE + animate)[::2]),
        "loss_steps": [int(x) for x in steps],
        "animate_loss": [_rounded(x) for x in losses],
        "commit": commit_of(run),
        "seconds": round(run.seconds or 0.0, 1),
    }


def _each(run: LoadedRun, prefix: str, number: Any) -> dict[str, float]:
    """A number of every metric of a kind, by the metric's name."""
    found = {}
    for name in run.columns:
        steps, _, values = run.series(name)
        if name.startswith(prefix) and len(values):
            found[name] = _rounded(number(steps, values))
    return found


def binned(steps: np.ndarray, values: np.ndarray) -> list[float]:
    """Means in equal parts of the run; where one has no value, those beside it."""
    place = np.minimum(BINS * (steps - 1) // steps[-1], BINS - 1).astype(int)
    count, total = np.bincount(place, minlength=BINS), np.bincount(place, values, BINS)
    filled = np.flatnonzero(count)
    means = np.interp(range(BINS), filled, total[filled] / count[filled])
    return [_rounded(x) for x in means]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


if __name__ == "__main__":
    for line in collected(Path(sys.argv[1])):
        print(json.dumps(line))
