"""The table that a finished run prints of itself."""

import json
from io import StringIO
from pathlib import Path

from rich.console import Console

from experiments.runs.folder import RunFolder
from experiments.runs.summary import LAST_EPISODES, print_summary
from tests.experiments.runs.fake_task import FakeConfig


def test_values_are_the_last_ones_and_returns_a_mean_of_the_last(
    tmp_path: Path,
) -> None:
    run = RunFolder.create(tmp_path, "x", 0, FakeConfig())
    rows = []
    for i in range(1, 31):
        metrics = {"loss": float(i), "episode/return": float(i)}
        if i <= 20:
            metrics["evaluate/score"] = 100.0 + i
        rows.append({"steps": i, "wall_time": 10.0 * i, "metrics": metrics})
    run.metrics_file.write_text("".join(json.dumps(x) + "\n" for x in rows))
    out = StringIO()
    print_summary(
        run,
        {"frames": 12_000, "env steps": 3_000},
        {"a": "loss", "b": "evaluate/score", "c": "episode/return", "d": "none"},
        {"more": "0.5 (chance 0.1)"},
        [("where", str(run.path))],
        Console(file=out, width=60),
    )
    name, *lines = out.getvalue().splitlines()
    assert name == run.path.name
    cells = [[y.strip() for y in x.split("│")[1:-1]] for x in lines if "│" in x]
    assert cells == [
        ["frames", "12,000"],
        ["env steps", "3,000"],
        ["time", "5 min"],
        ["speed", "10 env steps/s"],
        ["a", "30"],
        ["b", "120"],  # of its own last row, not of the run's
        ["c", f"{sum(range(31 - LAST_EPISODES, 31)) / LAST_EPISODES:g}"],
        ["more", "0.5 (chance 0.1)"],
    ]
    assert lines[-1] == f"where   {run.path}"
