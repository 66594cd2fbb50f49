"""Ctrl-C of the command itself; all else about it is in `runs/test_session.py`."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from experiments.runs.checkpoints.checkpoint import read_header
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import RunFolder
from experiments.runs.playing import evaluate_player
from experiments.train import task as train_task

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

SMALL = ("--size", "debug", "--num-envs", "4", "--agent.ppo.num-steps", "10")


@contextmanager
def signals(begun: Callable[[], bool], *numbers: int) -> Iterator[None]:
    """Sends real signals to this process, once something has begun."""
    over = threading.Event()

    def send() -> None:
        while not begun() and not over.wait(0.01):
            pass
        for number in numbers:
            over.wait(0.1)
            if not over.is_set():
                os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


def test_ctrl_c_stops_with_a_checkpoint(
    curious: Command, rows: Rows, tmp_path: Path
) -> None:
    argv = ["train", "ppo", *SMALL, "--world", "counting", "--env-steps", "100000"]

    def has_rows() -> bool:
        return any(x.stat().st_size for x in tmp_path.glob("*/metrics.jsonl"))

    with signals(has_rows, signal.SIGINT):
        done = curious(*argv, "--seeds", "3", runs=tmp_path)
    assert done.code == 130
    [folder] = tmp_path.iterdir()
    lines = done.out.splitlines()
    stopped = [x for x in lines if x.startswith("Stopped at ")]
    assert stopped[0].endswith(f"Go on with: curious train --resume {folder}")
    assert f"train --config {folder} --seed 1 --seeds 2" in lines[-1]
    steps = rows(RunFolder(folder))[-1]["steps"]
    assert steps_of(CheckpointFolder(folder / "checkpoints").latest()) == steps
    assert list((folder / "videos").iterdir()) == []
    done = curious(
        *("train", "--resume", str(folder), "--env-steps", str(steps + 40)),
        *("--video-steps", "0"),
    )
    assert done.code == 0
    assert steps + 40 <= rows(RunFolder(folder))[-1]["steps"] < steps + 80


def test_ctrl_c_does_not_wait_for_an_evaluation(
    curious: Command, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def noticed(*args: Any) -> dict[str, float]:
        begun.set()
        return evaluate_player(*args)

    monkeypatch.setattr(train_task, "evaluate_player", noticed)
    argv = ["train", "ppo", *SMALL, "--world", "key-door", "--env-steps", "100000"]
    argv += ["--world.max-episode-steps", "1000000", "--evaluate-every", "40"]
    with signals(begun.is_set, signal.SIGINT):
        done = curious(*argv, runs=tmp_path)
    assert done.code == 130
    assert "evaluating at 40 env steps" in done.out
    [row] = rows(done.run)
    assert "evaluate/return_mean" not in row["metrics"]
    latest = CheckpointFolder(done.run.checkpoints).latest()
    assert steps_of(latest) == row["steps"] == 40
    assert read_header(latest).score is None
