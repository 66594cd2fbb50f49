"""N steps, a stop, and N more are 2N, bit for bit, whatever a model learns from."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from tests.experiments.runs.left import same, state

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

TINY = (
    *("--size", "debug", "--steps", "8", "--checkpoint-every", "2", "--log-every", "1"),
    *("--keep-checkpoints", "9", "--evaluate-every", "4", "--no-tensorboard"),
    *("--probe-fit", "12", "--probe-test", "10", "--encoder.precision", "float32"),
)
WALK = ("byol-explore",)
PLAY = (
    *("jepa-vicreg", "--world", "key-door", "--core", "recurrent", "--term", "inverse"),
    *("--data.world.max-episode-steps", "9"),
)
GYM = ("jepa-sigreg", "--world", "gymnasium")


@pytest.fixture(scope="module")
def data(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So few windows that eight batches are more than an epoch."""
    path = tmp_path_factory.mktemp("data") / "dot"
    done = curious(
        *("record", "--world", "moving-dot", "--facts", "--steps", "250"),
        *("--num-envs", "3", "--out", str(path)),
    )
    assert done.code == 0, done.err
    return path


@pytest.fixture(scope="module", params=["walk", "play", "recorded"])
def whole(request: pytest.FixtureRequest, curious: Command, data: Path) -> Any:
    """Eight steps in one go."""
    torch.set_num_threads(1)
    flags = ("--data", "recorded", "--data.path", str(data), "--encoder", "menet")
    kinds = {
        "walk": WALK,
        "play": PLAY,
        "recorded": ("jepa-simclr", "--term", "goal", *flags),
    }
    argv = ("train-model", *kinds[request.param], *TINY)
    done = curious(*argv)
    assert done.code == 0, done.err
    return argv, done


def results(run: RunFolder) -> Any:
    return json.loads((run.path / "results.json").read_text())


def assert_equal(one: RunFolder, two: RunFolder, rows: Rows) -> None:
    """Models, optimisers, sources, metrics and what was measured at the end."""
    first, second = state(one), state(two)
    assert {"modules", "optimizer", "steps", "source", "offered"} <= first.keys()
    for name in first:
        assert same(first[name], second[name]), name
    assert rows(one) == rows(two)
    assert results(one) == results(two)


@pytest.mark.parametrize("middle", [2, 4, 6])
def test_going_on_from_any_checkpoint_is_as_if_never_stopped(
    whole: Any, curious: Command, rows: Rows, tmp_path: Path, middle: int
) -> None:
    _, done = whole
    run = RunFolder(Path(shutil.copytree(done.run.path, tmp_path / "copy")))
    older = run.checkpoints / f"step-{middle:012}.safetensors"
    again = curious("train-model", "--resume", str(older))
    assert again.code == 0, again.err
    assert f"Going back from 8 to {middle} steps" in again.out
    assert_equal(run, done.run, rows)


def test_the_states_differ_from_step_to_step(whole: Any) -> None:
    """Otherwise being equal would say nothing."""
    argv, done = whole
    folder = CheckpointFolder(done.run.checkpoints)
    one, two = (folder.load(x).state for x in folder.paths()[-2:])
    for name in ("modules", "optimizer", "source"):
        assert not same(one[name], two[name]), name
    assert done.run.config().burn_in == (4 if "key-door" in argv else 0)
    if "recorded" in argv:
        assert two["source"]["epoch"] >= 1


@pytest.mark.slow
def test_a_killed_run_loses_at_most_one_interval(
    whole: Any, curious: Command, rows: Rows, tmp_path: Path
) -> None:
    argv, done = whole
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.cli", *argv, "--runs", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while not any(tmp_path.glob("*/checkpoints/step-*2.safetensors")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    [path] = tmp_path.iterdir()
    run = RunFolder(path)
    assert not (path / "results.json").exists()
    again = curious("train-model", "--resume", str(path))
    assert again.code == 0, again.err
    assert_equal(run, done.run, rows)


def test_ctrl_c_stops_with_a_checkpoint(
    curious: Command, rows: Rows, tmp_path: Path
) -> None:
    """It leaves an encoder, and no results until it has had its budget."""
    long = ("--steps", "100000", "--checkpoint-every", "100000")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "experiments.cli", "train-model", *WALK, *TINY),
            *(*long, "--runs", str(tmp_path)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    while not any(x.stat().st_size for x in tmp_path.glob("*/metrics.jsonl")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    assert process.returncode == 130, said
    [path] = tmp_path.iterdir()
    assert f"Go on with: curious train-model --resume {path}" in said
    assert (path / "encoder.safetensors").is_file()
    assert not (path / "results.json").exists()
    steps = rows(RunFolder(path))[-1]["steps"]
    again = curious("train-model", "--resume", str(path), "--steps", str(steps + 2))
    assert again.code == 0, again.err
    assert rows(RunFolder(path))[-1]["steps"] == steps + 2
    assert (path / "results.json").is_file()


def test_worlds_that_cannot_be_saved_begin_again(curious: Command) -> None:
    done = curious("train-model", *GYM, *TINY)
    assert done.code == 0, done.err
    middle = done.run.checkpoints / "step-000000000004.safetensors"
    again = curious("train-model", "--resume", str(middle))
    assert again.code == 0, again.err
    assert state(done.run)["steps"] == 8


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--batch-size 4", "--batch-size 4 (was 6)"),
        ("--num-steps 7", "--num-steps 7 (was 4)"),
        ("--encoder.hidden 7", "--encoder.hidden 7 (was 128)"),
        ("--model.horizon 2", "--model.horizon 2 (was 4)"),
        ("--data.world.noise.alpha 1", "--data.world.noise.alpha 1.0 (was 0.0)"),
    ],
)
def test_other_networks_and_other_data_cannot_go_on(
    curious: Command, flags: str, said: str
) -> None:
    first = curious("train-model", "jepa-vicreg", *TINY, "--steps", "2", "--no-report")
    again = curious(
        *("train-model", "--resume", str(first.run.path), "--steps", "4"),
        *flags.split(),
    )
    assert again.code == 1
    assert said in " ".join(again.err.split())


def test_a_run_that_goes_on_has_no_results_until_its_end(curious: Command) -> None:
    """Otherwise those of the model before would stand for the one after."""
    first = curious("train-model", "jepa-vicreg", *TINY, "--steps", "2")
    before = results(first.run)
    rest = ("--steps", "4", "--no-report")
    again = curious("train-model", "--resume", str(first.run.path), *rest)
    assert again.code == 0, again.err
    assert not (first.run.path / "results.json").exists()
    last = curious(
        "train-model", "--resume", str(first.run.path), "--steps=6", "--report"
    )
    assert last.code == 0, last.err
    assert results(first.run) != before
