"""Gathers who opened the door: `python docs/collect_key_door.py SWEEP`.

A line for each finished run of a sweep on the key-door grid: its signal and seed, the
env step at which 90 % of the last 200 episodes had reached the goal (null: never), the
share of them in the end, commit and seconds. Episodes of a rollout are counted as its
env steps over their mean length.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from finished import commit_of, finished

from experiments.report.runs import LoadedRun

EPISODES, SOLVED = 200, 0.9


def collected(sweep: Path) -> Iterator[dict[str, Any]]:
    """One line for each finished run."""
    for cell, run in finished(sweep):
        yield {"arm": cell["axes"]["signal"], "seed": cell["seed"]} | told(run)


def told(run: LoadedRun) -> dict[str, Any]:
    """What a run came to."""
    steps, _, reached = run.series("episode/return")
    _, _, length = run.series("episode/length")
    success = recent(reached, np.diff(steps, prepend=0) / length)
    solved = np.flatnonzero(success >= SOLVED)
    return {
        "episode_steps": run.settings["world.max_episode_steps"],
        "solved_at": int(steps[solved[0]]) if len(solved) else None,
        "success": round(float(success[-1]), 3) if len(success) else 0.0,
        "commit": commit_of(run),
        "seconds": round(run.seconds or 0.0, 1),
    }


def recent(reached: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Share of the last 200 episodes that reached the goal, behind each rollout.

    Args:
        reached: share of each rollout's episodes that did.
        number: of these episodes, about; where there were fewer than 200, the share is
            that of 200 of which the others did not.
    """
    count, good = np.cumsum(number), np.cumsum(reached * number)
    begin = np.maximum(count - EPISODES, 0.0)
    known = np.interp(begin, np.r_[0.0, count], np.r_[0.0, good])
    return (good - known) / EPISODES


if __name__ == "__main__":
    for line in collected(Path(sys.argv[1])):
        print(json.dumps(line))
