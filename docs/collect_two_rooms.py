"""Gathers the plans of a sweep, or tells them as a table of success.

    python docs/collect_two_rooms.py sweeps/two-rooms > docs/results/two_rooms.jsonl
    python docs/collect_two_rooms.py docs/results/two_rooms.jsonl

The first writes a line for each cell and way of planning; the second prints a table of
each way, an arm a row, its goals of all seeds together with Wilson's 95 % interval.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finished import commit_of, finished

from agents.proportion import wilson_interval

ARMS = ("nothing", "variance", "covariance", "smoothness", "inverse")


def lines(sweep: Path) -> Iterator[dict[str, Any]]:
    """What each finished cell reached, planner by planner."""
    for cell, run in finished(sweep):
        files = sorted((run.path / "plans").glob("*.json"))
        if not files:
            print(f"left out: {cell['name']} was not planned with", file=sys.stderr)
        for file in files:
            told = json.loads(file.read_text("utf-8"))
            yield {
                "without": cell["axes"]["without"],
                "seed": cell["seed"],
                "plan": "-".join(file.stem.split("-")[2:]),
                **{
                    f"{who}_{key}": told[who][key]
                    for who in ("planned", "random")
                    for key in ("reached", "starts")
                },
                "seconds": round(told["planned"]["seconds"], 1),
                "commit": commit_of(run),
            }


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """An arm a row; seeds apart, then together."""
    seeds = sorted({x["seed"] for x in rows})
    yield "| left out | " + " | ".join(f"seed {x}" for x in seeds) + " | all |"
    yield "|---" * (len(seeds) + 2) + "|"
    for arm in ARMS:
        each = [x for x in rows if x["without"] == arm]
        if each:
            yield _row(arm, each, "planned", seeds)
    everything = [x for x in rows if x["without"] == ARMS[0]]
    if everything:
        yield _row("random actions", everything, "random", seeds)


def _row(name: str, rows: list[dict[str, Any]], who: str, seeds: list[int]) -> str:
    by_seed = {x["seed"]: x for x in rows}
    shown = []
    for seed in seeds:
        x = by_seed.get(seed)
        shown.append(
            f"{x[f'{who}_reached'] / x[f'{who}_starts']:.1%}" if x else "not run"
        )
    reached = sum(x[f"{who}_reached"] for x in rows)
    starts = sum(x[f"{who}_starts"] for x in rows)
    low, high = wilson_interval(reached, starts)
    shown.append(f"{reached / starts:.1%} ({low:.1%} to {high:.1%})")
    return f"| {name} | " + " | ".join(shown) + " |"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if path.is_dir():
        for line in lines(path):
            print(json.dumps(line))
    else:
        read = [json.loads(x) for x in path.read_text("utf-8").splitlines()]
        for plan in sorted({x["plan"] for x in read}):
            print(f"\n{plan}\n")
            print("\n".join(table([x for x in read if x["plan"] == plan])))
