"""Gathers what episodes came to: `python docs/collect_episodes.py SWEEP tally/rooms`.

A line for each finished run of the sweep: its axes and seed; for each metric that is
named its mean over each of eight equal parts of the run (null: no episode ended in
it), commit and seconds. Runs that are not finished are named on standard error. With
`--table FILE METRIC BASE`, of such lines in a file, a table in Markdown: the best
eighth and the last, by seed and in means, and how many times those of the arm BASE.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from finished import commit_of, finished

from experiments.report.events import parts

TOLD = ("seed", "commit", "seconds")


def collected(sweep: Path, metrics: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        yield {
            **cell["axes"],
            "seed": cell["seed"],
            **{m: [_rounded(x) for x in parts(run, m)] for m in metrics},
            "commit": commit_of(run),
            "seconds": round(run.seconds or 0.0, 1),
        }


def table(lines: Sequence[dict[str, Any]], metric: str, base: str) -> Iterator[str]:
    """A row for each combination of axes; the last axis names arms."""
    axes = [k for k in lines[0] if k not in TOLD and not isinstance(lines[0][k], list)]
    best: dict[tuple[str, ...], list[float]] = defaultdict(list)
    last: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for line in sorted(lines, key=lambda x: int(x["seed"])):
        known = [x for x in line[metric] if x is not None]
        arm = tuple(line[x] for x in axes)
        best[arm].append(max(known))
        last[arm].append(known[-1])
    yield (
        "| "
        + " | ".join(axes)
        + " | best eighth, by seed | mean | × | last, by seed | mean | × |"
    )
    yield "|---" * (len(axes) + 6) + "|"
    for arm in best:
        cells = list(arm)
        for of in (best, last):
            mean, basis = fmean(of[arm]), fmean(of.get((*arm[:-1], base), [0.0]))
            times = f"{mean / basis:.2f}" if basis else "-"
            cells += [", ".join(f"{x:.2f}" for x in of[arm]), f"{mean:.2f}", times]
        yield f"| {' | '.join(cells)} |"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


if __name__ == "__main__":
    if sys.argv[1] == "--table":
        file, metric, base = sys.argv[2:]
        lines = [json.loads(x) for x in Path(file).read_text("utf-8").splitlines()]
        print("\n".join(table(lines, metric, base)))
    else:
        for line in collected(Path(sys.argv[1]), sys.argv[2:]):
            print(json.dumps(line))
