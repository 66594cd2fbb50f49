"""A session of two processes: one folder, and one end for both."""

from pathlib import Path

from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from tests.ssl_objectives.launch import run_twice


def test_all_stop_at_the_same_step_whichever_was_interrupted(tmp_path: Path) -> None:
    first, second = run_twice("tests.experiments.runs.two_processes", tmp_path)
    assert first == second
    assert first["folders"] == 1
    # they ask each other where a row of metrics is due
    assert (first["steps"], first["finished"]) == (6, False)
    checkpoints = CheckpointFolder(tmp_path / "runs" / first["run"] / "checkpoints")
    assert steps_of(checkpoints.latest()) == 6
