"""Gathers who found what is hardly ever found: `python docs/collect_sparse.py SWEEP`.

A line for each finished run of the sweep `sparse`: its world, signal and seed, the env
step at which it was solved (null: never), env steps in all, the mean return of the last
100 episodes, the env step by which an episode had first been worth anything (null: none
was), commit and seconds. With `--table FILE`, of such lines in a file, the table of
docs/sparse_worlds.md instead.
"""

import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finished import commit_of, finished

from experiments.report.runs import LoadedRun

NOTHING = 0.0  # no rollout returns more on average in which nobody reached the goal


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        yield {**cell["axes"], "seed": cell["seed"]} | told(run)


def told(run: LoadedRun) -> dict[str, Any]:
    """What a run came to."""
    steps, _, reached = run.series("goal/reached")
    _, _, mean = run.series("goal/return")
    at, _, returns = run.series("episode/return")
    found = at[returns > NOTHING]
    return {
        "solved_at": int(steps[-1]) if reached[-1] else None,
        "steps": run.steps,
        "return": round(float(mean[-1]), 3),
        "found_at": int(found[0]) if len(found) else None,
        "commit": commit_of(run),
        "seconds": round(run.seconds or 0.0, 1),
    }


def table(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Markdown: signals by how many seeds they solved, then by how fast."""
    worlds = list(dict.fromkeys(x["world"] for x in lines))
    runs: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(dict)
    for x in lines:
        runs[x["signal"]].setdefault(x["world"], []).append(x)
    yield "| signal |" + "".join(
        f" {w}: solved | median steps | found |" for w in worlds
    )
    yield "|---|" + "---|---|---|" * len(worlds)

    def order(signal: str) -> list[float]:
        solved = [_solved(runs[signal].get(w, [])) for w in worlds]
        medians = [statistics.median(x) if x else float("inf") for x in solved]
        return [-sum(map(len, solved)), *medians]

    for signal in sorted(runs, key=order):
        cells = [_cells(runs[signal].get(w, [])) for w in worlds]
        yield f"| `{signal}` |" + "".join(f" {x} |" for each in cells for x in each)


def _solved(runs: Sequence[Mapping[str, Any]]) -> list[int]:
    return [x["solved_at"] for x in runs if x["solved_at"] is not None]


def _cells(runs: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    if not runs:
        return "–", "–", "–"
    solved, found = _solved(runs), sum(x["found_at"] is not None for x in runs)
    median = f"{statistics.median(solved):,.0f}" if solved else "–"
    how_many = f"{len(solved)} of {len(runs)}"
    tried = [x["steps"] for x in runs if x["solved_at"] is None]
    if tried:  # those that were given least decide what the rest may be compared with
        how_many += f" in {min(tried) // 1_000}k"
    return how_many, median, f"{found} of {len(runs)}"


if __name__ == "__main__":
    if sys.argv[1] == "--table":
        rows = Path(sys.argv[2]).read_text("utf-8").splitlines()
        print("\n".join(table([json.loads(x) for x in rows])))
    else:
        for line in collected(Path(sys.argv[1])):
            print(json.dumps(line))
