"""The table of the sparse worlds: how it is gathered, and that the page has it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from experiments.report.runs import LoadedRun, Value
from tests.scripts import DOCS, script

RESULTS = DOCS / "results" / "sparse.jsonl"


def line(world: str, signal: str, seed: int, solved: int | None) -> dict[str, Any]:
    found = None if solved is None else solved // 2
    told = {"solved_at": solved, "found_at": found, "steps": solved or 8_100 + seed}
    return {"world": world, "signal": signal, "seed": seed, **told}


def test_a_run_is_told_by_its_metrics() -> None:
    steps = 1_000 * np.arange(1, 6)
    columns = {
        "steps": steps,
        "wall_time": steps / 500,
        "episode/return": np.array([-0.01, 0.0, 0.004, 0.5, 0.99]),
        "goal/return": np.array([-0.01, -0.005, 0.0, 0.4, 0.93]),
        "goal/reached": np.array([0.0, 0.0, 0.0, 0.0, 1.0]),
    }
    settings: dict[str, Value] = {"env_steps": 9_000, "versions.git.commit": 40 * "b"}
    run = LoadedRun(Path(), settings, columns)
    assert run.finished
    told = script("collect_sparse").told
    assert told(run) == {
        "solved_at": 5_000,
        "steps": 5_000,
        "return": 0.93,
        "found_at": 3_000,
        "commit": 12 * "b",
        "seconds": 10.0,
    }
    never = columns | {"goal/reached": np.zeros(5), "episode/return": np.full(5, -0.01)}
    run = LoadedRun(Path(), settings, never)
    assert not run.finished
    assert told(run) | {"solved_at": None, "found_at": None} == told(run)


def test_who_solves_most_comes_first_and_then_who_is_fastest() -> None:
    lines = [
        *(line("a", "slow", s, 900 + s) for s in range(3)),
        *(line("a", "fast", s, 100 + s) for s in range(3)),
        *(line("a", "none", s, None) for s in (2_000, 0, 1)),
        line("b", "fast", 0, None),
        line("a", "half", 0, 50),
        line("a", "half", 1, None),
    ]
    rows = list(script("collect_sparse").table(lines))
    assert rows[2:] == [
        "| `fast` | 3 of 3 | 101 | 3 of 3 | 0 of 1 in 8k | – | 0 of 1 |",
        "| `slow` | 3 of 3 | 901 | 3 of 3 | – | – | – |",
        "| `half` | 1 of 2 in 8k | 50 | 1 of 2 | – | – | – |",
        "| `none` | 0 of 3 in 8k | – | 0 of 3 | – | – | – |",
    ]


def test_the_page_has_the_table_of_the_runs_that_were_made() -> None:
    lines = [json.loads(x) for x in RESULTS.read_text("utf-8").splitlines()]
    keys = [(x["world"], x["signal"], x["seed"]) for x in lines]
    assert len(set(keys)) == len(keys)
    assert {x["seed"] for x in lines} <= {30, 31, 32, 33, 34}
    page = (DOCS / "sparse_worlds.md").read_text("utf-8").splitlines()
    rows = list(script("collect_sparse").table(lines))
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows
