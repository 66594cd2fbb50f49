"""Which runs a report is of: paths, globs and sweeps, and what is none."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.report.runs import find_runs, read_run
from experiments.runs.folder import NotARun
from tests.experiments.report.test_report import grid, made, quietly, scored

Command = Callable[..., Any]


def test_a_sweep_is_searched_and_its_empty_cells_named(tmp_path: Path) -> None:
    cells = tmp_path / "sweep" / "cells"
    run = made(cells / "a+s0", "rnd", 0, scored(1))
    made(run.path / "inside", "rnd", 1, scored(1))  # not looked for in a run
    (cells / "b+s0").mkdir()
    listed = [{"name": x, "folder": f"cells/{x}"} for x in ("a+s0", "b+s0")]
    (tmp_path / "sweep" / "cells.json").write_text(json.dumps({"cells": listed}))
    assert find_runs([tmp_path]) == [run.path]
    result, _ = quietly(tmp_path / "out", tmp_path / "sweep")
    assert "1 cell of the sweep has left no run: b+s0." in result.notes


def test_a_run_knows_what_its_cell_is_called(tmp_path: Path) -> None:
    run = made(tmp_path / "sweep/cells/no-op+mine+s0", "rnd", 0, scored(1)).path
    axes = {"noise": "no-op", "signal": "mine"}
    cell = {"name": "no-op+mine+s0", "folder": "cells/no-op+mine+s0", "axes": axes}
    file = tmp_path / "sweep/cells.json"
    file.write_text(json.dumps({"cells": [cell | {"folder": "cells/other"}, cell]}))
    found = read_run(run).settings
    assert {k: x for k, x in found.items() if k.startswith("axes.")} == {
        "axes.noise": "no-op",
        "axes.signal": "mine",
    }
    for text in ("{", "[]", json.dumps({"cells": [{"folder": "cells/other"}]})):
        file.write_text(text)
        assert not any(k.startswith("axes.") for k in read_run(run).settings)


def test_runs_are_found_once_by_paths_and_globs(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    runs = sorted(grid(root, 1))
    assert find_runs([root, runs[0], str(root / "*"), runs[1] / "config.json"]) == runs
    assert find_runs([str(root / "*counting*")]) == [
        x for x in runs if "counting" in x.name
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotARun, match=r"There is no run in .*empty"):
        find_runs([tmp_path / "empty"])
    with pytest.raises(NotARun, match=r"There is nothing at .*nowhere"):
        find_runs([root, tmp_path / "nowhere*"])


def test_nothing_to_report_is_one_message(curious: Command, tmp_path: Path) -> None:
    for arguments, code, message in (
        ((), 2, "Name the runs"),
        ((str(tmp_path / "nowhere"),), 1, "There is nothing at"),
        ((str(tmp_path),), 1, "There is no run in"),
    ):
        done = curious("report", *arguments, "--out", str(tmp_path / "out"))
        assert done.code == code
        assert message in done.err
        assert "Traceback" not in done.err
    run = made(tmp_path / "runs", "rnd", 0, [{"loss/value": 1.0}])
    done = curious("report", str(run.path), "--out", str(tmp_path / "out"))
    assert done.code == 1
    assert "They have: loss/value, time/frames" in done.err
    run.config_file.write_text("{")
    done = curious("report", str(run.path), "--out", str(tmp_path / "out"))
    assert "No run can be read" in done.err
    assert not (tmp_path / "out").exists()
