import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from experiments.sweep.cell import Cell
from experiments.sweep.folder import SweepFolder
from experiments.sweep.progress import LINE_SECONDS, SweepProgress, logged_steps

CELLS = [
    Cell(f"rnd+s{seed}", {"signal": "rnd"}, seed, ("rnd",), 1000, 40)
    for seed in range(3)
]


def log(sweep: SweepFolder, cell: Cell, *env_steps: int, tail: str = "") -> None:
    """What a run of the cell has logged so far."""
    run = sweep.cell(cell) / "20260101-000000-run"
    run.mkdir(parents=True, exist_ok=True)
    rows = [{"steps": x, "wall_time": 1.0, "metrics": {}} for x in env_steps]
    text = "".join(json.dumps(x) + "\n" for x in rows)
    (run / "metrics.jsonl").write_text(text + tail)


@pytest.mark.parametrize("terminal", [False, True])
def test_it_tells_of_the_whole_grid(tmp_path: Path, terminal: bool) -> None:
    sweep, now, out = SweepFolder(tmp_path), [0.0], io.StringIO()
    console = Console(file=out, width=120, force_terminal=terminal, color_system=None)
    with SweepProgress(sweep, CELLS, console, lambda: now[0]) as progress:
        assert progress.line() == "0 of 3 cells · 0 / 3.00k env steps"
        now[0] = 10.0
        log(sweep, CELLS[0], 40, 400)
        log(sweep, CELLS[1], 40, 100)
        progress.update(CELLS[:2])
        line = "0 of 3 cells · 500 / 3.00k env steps · 50 steps/s · 50 s left"
        assert progress.line() == line
        now[0] = LINE_SECONDS
        log(sweep, CELLS[0], 40, 800)
        progress.update(CELLS[:2])
        progress.done(CELLS[0])
        progress.retrying(CELLS[1], "exit code 1")
        progress.gave_up(CELLS[1], "killed by signal 9")
        progress.stopped(CELLS[2], 120)
    text = out.getvalue()
    for words in (
        "done      rnd+s0\n",
        "failed    rnd+s1 (exit code 1); will be tried again\n",
        "failed    rnd+s1 (killed by signal 9)\n",
        "stopped   rnd+s2 at 120 env steps\n",
        "30% " if not terminal else "rnd+s0 · 400 / 1.00k",
    ):
        assert words in text
    assert progress.failed == {"rnd+s1"}
    # What was given up is not waited for: 1220 of 3000 done, 900 given up.
    assert progress.line().endswith("36.7 steps/s · 24 s left · 1 failed")


def test_somebody_elses_cells_are_mentioned_once(tmp_path: Path) -> None:
    out = io.StringIO()
    progress = SweepProgress(SweepFolder(tmp_path), CELLS, Console(file=out))
    progress.waiting(CELLS[:2])
    progress.waiting(CELLS[:2])
    says = "waiting for other processes, which run rnd+s0, rnd+s1\n"
    assert out.getvalue() == says


def test_steps_come_from_the_last_whole_row(tmp_path: Path) -> None:
    sweep, cell = SweepFolder(tmp_path), CELLS[0]
    assert logged_steps(sweep.cell(cell)) == 0
    log(sweep, cell)
    assert logged_steps(sweep.cell(cell)) == 0
    log(sweep, cell, *range(40, 400_040, 40), tail='{"steps": 7')
    assert logged_steps(sweep.cell(cell)) == 400_000
    log(sweep, cell, 40, tail="damaged\n")
    assert logged_steps(sweep.cell(cell)) == 0
