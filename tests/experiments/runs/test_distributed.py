"""A session of two processes: one folder, and one end for both."""

import os
from pathlib import Path
from typing import Any

import pytest

from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from tests.experiments.runs.fake_task import FakeConfig, go
from tests.ssl_objectives.launch import run_twice


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, Any]]:
    """What both processes say, while this one trains a run that they want as well."""
    [result] = go(FakeConfig(runs=folder / "held"))
    with result.run.held():
        return run_twice("tests.experiments.runs.two_processes", folder)


def test_a_run_in_use_is_refused_by_both(found: list[dict[str, Any]]) -> None:
    for process in found:
        assert f"is being trained by process {os.getpid()}" in process["refused"]


def test_all_stop_at_the_same_step_whichever_was_interrupted(
    found: list[dict[str, Any]], folder: Path
) -> None:
    first, second = found
    assert first == second
    assert first["folders"] == 1
    # they ask each other where a row of metrics is due
    assert (first["steps"], first["finished"]) == (6, False)
    checkpoints = CheckpointFolder(folder / "runs" / first["run"] / "checkpoints")
    assert steps_of(checkpoints.latest()) == 6
