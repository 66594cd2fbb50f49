"""Two processes, as torchrun starts them, train one agent in one run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.runs.checkpoints.checkpoint import load_checkpoint
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder

ROOT = Path(__file__).parents[3]
TINY = (
    *("byol-explore", "--world", "key-door", "--size", "debug", "--num-envs", "4"),
    *("--agent.ppo.num-steps", "16", "--agent.ppo.num-minibatches", "2"),
    *("--video-steps", "0", "--evaluate-episodes", "1", "--evaluate-every", "1"),
    *("--evaluate-max-steps", "20", "--checkpoint-every", "1"),
)


def torchrun(runs: Path, *command: str) -> tuple[RunFolder, str]:
    done = launched(*command)
    assert done.returncode == 0, done.stdout
    [run] = runs.iterdir()
    return RunFolder(run), done.stdout


def launched(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node", "2", "-m", "experiments.train", *command),
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_refusal_is_said_once_and_is_the_last_word(tmp_path: Path) -> None:
    done = launched(*TINY, "--num-envs", "5", "--runs", str(tmp_path))
    said = "--num-envs 5 must be a multiple of the 2 processes."
    assert done.returncode == 1
    assert done.stdout.count(f"error: {said}") == 1
    assert f"traceback : {said}" in done.stdout.splitlines()[-2]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_one_run_that_goes_on_where_both_were(tmp_path: Path) -> None:
    run, said = torchrun(tmp_path, *TINY, "--runs", str(tmp_path), "--env-steps", "100")
    assert said.count("Run folder") == 1
    folder = CheckpointFolder(run.checkpoints)
    first = load_checkpoint(folder.latest())
    assert 100 <= first.header.steps <= 2 * 4 * 16
    worlds = [x["collector"]["row"]["obs"] for x in first.state["own"]]
    assert [len(x) for x in worlds] == [2, 2]
    _, said = torchrun(tmp_path, "--resume", str(run.path), "--env-steps", "160")
    assert f"going on at {first.header.steps}" in said
    assert load_checkpoint(folder.latest()).header.steps >= 160
    lines = [json.loads(x) for x in run.metrics_file.read_text().splitlines()]
    steps = [x["steps"] for x in lines]
    assert steps == sorted(set(steps))
    assert all("evaluate/return_mean" in x["metrics"] for x in lines)
