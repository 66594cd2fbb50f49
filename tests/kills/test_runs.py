"""Runs of all three trainers, killed again and again: each goes on, and only onwards.

Slow: 140 kills.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.runs.checkpoints.checkpoint import load_checkpoint
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import NotARun, RunFolder
from experiments.runs.logger import read_metrics
from tests.kills.killing import Killer


@dataclass(frozen=True)
class Trainer:
    """A command that makes runs: its words, its budget's flag, and steps of a leg."""

    words: Sequence[str]
    budget: str
    leg: int
    kills: int
    seed: int


TRAINERS = {
    "train": Trainer(
        (
            *("train", "byol-explore", "--size", "debug", "--world", "counting"),
            *("--num-envs", "2", "--agent.ppo.num-steps", "10", "--video-steps", "9"),
            *("--agent.ppo.num-minibatches", "1", "--checkpoint-every", "20"),
            *("--evaluate-every", "60", "--evaluate-episodes", "1", "--device", "cpu"),
        ),
        "--env-steps",
        120,
        kills=70,
        seed=1,
    ),
    "pretrain": Trainer(
        (
            *("pretrain", "simclr", "--size", "debug", "--batch-size", "8"),
            *("--checkpoint-every", "1", "--evaluate-every", "0", "--device", "cpu"),
            "--no-report",
        ),
        "--steps",
        8,
        kills=40,
        seed=2,
    ),
    "train-model": Trainer(
        (
            *("train-model", "jepa-vicreg", "--size", "debug", "--batch-size", "4"),
            *("--checkpoint-every", "2", "--evaluate-every", "0", "--device", "cpu"),
            "--no-report",
        ),
        "--steps",
        16,
        kills=30,
        seed=3,
    ),
}
LEGS = 6
"""after so many legs a run is long enough, and another one is begun"""


def saved_steps(root: Path) -> dict[Path, int]:
    """What each run has saved, all of it looked at: a half file is none."""
    found = {}
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        try:
            run = RunFolder.open(path)
        except NotARun:  # killed before it had said what it is
            continue
        run.config()
        steps = read_metrics(run)["steps"]
        assert (steps[1:] >= steps[:-1]).all(), "metrics double back"
        paths = CheckpointFolder(run.checkpoints).paths()
        for checkpoint in paths:
            assert load_checkpoint(checkpoint).header.steps == steps_of(checkpoint)
        found[path] = steps_of(paths[-1]) if paths else 0
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINERS)
def test_a_run_that_is_killed_goes_on(name: str, tmp_path: Path) -> None:
    trainer, root = TRAINERS[name], tmp_path / "runs"
    killer = Killer(trainer.seed, tmp_path / "log.txt")
    begin = [*trainer.words, "--runs", str(root), trainer.budget, str(trainer.leg)]
    assert killer.let(begin) == 0, killer.said()
    saved = saved_steps(root)
    run, legs, resumed = max(saved), 1, 0
    while killer.kills < trainer.kills:
        if saved.get(run, 0) == 0 or legs > LEGS:
            killer.kill(begin)
            legs = 1
        else:
            more = str(saved[run] + trainer.leg)
            command = trainer.words[0]
            killer.kill([command, "--resume", str(run), trainer.budget, more])
            legs, resumed = legs + 1, resumed + 1
        now = saved_steps(root)
        lost = {x: (y, now.get(x)) for x, y in saved.items() if now.get(x, 0) < y}
        assert not lost, f"{lost} after {killer.kills} kills"
        saved, run = now, max(now)
    for path in (x for x, y in saved.items() if y):
        more = str(saved[path] + 1)
        go_on = [trainer.words[0], "--resume", str(path), trainer.budget, more]
        assert killer.let(go_on) == 0, killer.said()
    now = saved_steps(root)
    assert all(now[x] > y for x, y in saved.items() if y)
    print(
        f"{name}: {killer.kills} kills, {resumed} resumed, {len(now)} runs, none lost"
    )
