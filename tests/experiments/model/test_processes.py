"""Two processes, as torchrun starts them: shares of data, and one model of all."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.model.saved import load_world_model
from experiments.runs.distributed import started_as
from experiments.runs.folder import RunFolder
from tests.ssl_objectives.launch import run_twice

ROOT = Path(__file__).parents[3]
DATA_FLAGS = ("--data", "recorded", "--encoder", "menet", "--data.path")
TINY = (
    *("jepa-sigreg", "--size", "debug", "--steps", "4", "--checkpoint-every", "2"),
    *("--evaluate-every", "2", "--log-every", "1", "--no-tensorboard"),
    *("--probe-fit", "12", "--probe-test", "10", "--encoder.precision", "float32"),
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("processes")
    return run_twice("tests.experiments.model.two_processes", folder)


def test_windows_are_shared_out_and_none_is_left(found: list[dict[str, Any]]) -> None:
    """In every epoch each learned window comes once, in one of both processes."""
    learned = found[0]["learned"]
    assert learned > 30
    for epoch in range(2):
        shares = [
            [tuple(x) for batch in process["epochs"][epoch] for x in batch]
            for process in found
        ]
        assert {len(batch) for p in found for batch in p["epochs"][epoch]} == {3}
        assert not set(shares[0]) & set(shares[1])
        whole = [*shares[0], *shares[1]]
        assert len(set(whole)) == len(whole)
        assert learned - 6 < len(whole) <= learned


def test_what_is_held_out_is_the_same_for_both(found: list[dict[str, Any]]) -> None:
    one, two = found
    assert one["kept back"] == two["kept back"]
    assert one["held out"] == two["held out"]
    learned = {
        tuple(x) for p in found for e in p["epochs"] for batch in e for x in batch
    }
    kept = {tuple(x) for begins, _ in one["kept back"] for x in begins}
    assert kept
    assert not learned & kept


def test_each_process_plays_by_itself(found: list[dict[str, Any]]) -> None:
    one, two = (torch.tensor(process["played"]) for process in found)
    assert one.shape == two.shape == (2, 5, 3)
    assert not torch.equal(one, two)
    held = torch.tensor([x for _, x in found[0]["held out"]])
    assert not torch.equal(one[0], held[0, :, :3])


def test_from_a_checkpoint_both_go_on_in_their_own_worlds(
    found: list[dict[str, Any]],
) -> None:
    one, two = found
    for process in found:
        assert process["resumed"] == process["goes on"]
        assert process["resumed"] not in process["played"]
    assert two["resumed"] != one["resumed"]


@pytest.mark.parametrize("source", ["worlds", "recorded"])
def test_both_learn_what_one_would(source: str, found: list[dict[str, Any]]) -> None:
    """Weights, optimiser, buffers and metrics; straight on, and from a checkpoint."""
    for process in found:
        straight, resumed = process["compared"][source]
        assert straight < 1e-6
        assert resumed < 1e-6


def test_both_are_told_how_to_go_on_together(found: list[dict[str, Any]]) -> None:
    said = "torchrun --nproc-per-node 2 -m experiments.train_model"
    assert [process["on"] for process in found] == [said] * 2
    assert started_as("train-model") == "curious train-model"


def test_a_batch_that_cannot_be_shared_is_refused(found: list[dict[str, Any]]) -> None:
    for process in found:
        assert process["refused"] == (
            "--batch-size 7 must be a multiple of the 2 processes."
        )


def train(folder: Path, *command: str) -> tuple[RunFolder, str]:
    runs = folder / "runs"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "-m", "experiments.train_model", *command),
            *(() if "--resume" in command else ("--runs", str(runs))),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    [run] = runs.iterdir()
    return RunFolder(run), done.stdout


@pytest.mark.slow
def test_torchrun_leaves_one_run_that_is_measured_and_can_be_loaded(
    tmp_path: Path,
) -> None:
    run, said = train(tmp_path, *TINY)
    assert said.count("Run folder") == 1
    rows = [json.loads(x)["metrics"] for x in run.metrics_file.read_text().splitlines()]
    losses = [x["loss/world_model"] for x in rows]
    assert len(losses) == 4
    results = json.loads((run.path / "results.json").read_text())["results"]
    assert results["probe/place/predicted_rmse"] > 0
    model, _ = load_world_model(run.path, "cpu")
    assert int(model.updates) == 4


@pytest.mark.slow
def test_recorded_data_go_on_with_two_processes(tmp_path: Path) -> None:
    """Both have the same place in the epoch, which is one state."""
    data = tmp_path / "dot"
    subprocess.run(
        [
            *(sys.executable, "-m", "experiments.cli", "record", "--world"),
            *("moving-dot", "--facts", "--steps", "300", "--num-envs", "3"),
            *("--out", str(data)),
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    flags = (*TINY, *DATA_FLAGS, str(data))
    whole, _ = train(tmp_path / "whole", *flags)
    (tmp_path / "half").mkdir()
    half, _ = train(tmp_path / "half", *flags)
    older = half.checkpoints / "step-000000000002.safetensors"
    half, said = train(tmp_path / "half", "--resume", str(older))
    assert said.count("Going back from 4 to 2 steps") == 1
    one, two = (load_world_model(x.path, "cpu")[0].state_dict() for x in (whole, half))
    for name, x in one.items():
        if isinstance(x, torch.Tensor):
            assert torch.equal(x, two[name]), name
