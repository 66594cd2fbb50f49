"""Counts finds of what is rare: `python docs/collect_found.py SWEEP tally/found`.

A line for each finished run of the sweep: its axes and seed; of its rollouts in which
an episode ended (`ends`) those in which one had it (`found`), the env step of the first
(null: none), and `late`, how many of these lie in the last quarter of the run. Means of
rollouts would mislead: who finds it ends alone, and others later and together. With
`--table FILE`, of such lines in a file, a table in Markdown.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from finished import commit_of, finished

from experiments.report.runs import LoadedRun


def collected(sweep: Path, metric: str) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        yield {**cell["axes"], "seed": cell["seed"], **told(run, metric)}


def told(run: LoadedRun, metric: str) -> dict[str, Any]:
    """What a run found, and when."""
    steps, _, values = run.series(metric)
    at = steps[values > 0]
    return {
        "ends": len(values),
        "found": len(at),
        "first": int(at[0]) if len(at) else None,
        "late": int((at > 0.75 * run.steps).sum()),
        "steps": run.steps,
        "commit": commit_of(run),
        "seconds": round(run.seconds or 0.0, 1),
    }


def table(lines: Sequence[dict[str, Any]], by: str) -> Iterator[str]:
    """A row for each arm; seeds in their order."""
    lines = sorted(lines, key=lambda x: int(x["seed"]))
    what = ("rollouts that found it, by seed", "in the last quarter", "first at step")
    yield f"| {by} | {' | '.join(what)} |"
    yield "|---|---|---|---|"
    for arm in dict.fromkeys(x[by] for x in lines):
        runs = [x for x in lines if x[by] == arm]
        first = ["never" if x["first"] is None else f"{x['first']:,}" for x in runs]
        found, late = (", ".join(str(x[k]) for x in runs) for k in ("found", "late"))
        yield f"| {arm} | {found} | {late} | {'; '.join(first)} |"


if __name__ == "__main__":
    if sys.argv[1] == "--table":
        kept = Path(sys.argv[2]).read_text("utf-8").splitlines()
        print("\n".join(table([json.loads(x) for x in kept], "agent")))
    else:
        for line in collected(Path(sys.argv[1]), sys.argv[2]):
            print(json.dumps(line))
