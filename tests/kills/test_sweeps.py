"""A sweep of which now the sweep, now one of its runs is killed: it comes to its end.

Slow: 20 kills, and every run of a sweep is a process that imports torch.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.sweep.folder import State, SweepFolder
from tests.kills.killing import Killer
from world_models.data.lock import is_locked

KILLS, SEED = 20, 5
GRID = """
arguments = [
  "ppo", "--size", "debug", "--world", "counting", "--num-envs", "2",
  "--agent.ppo.num-steps", "5", "--agent.ppo.num-minibatches", "1",
  "--checkpoint-every", "10", "--video-steps", "0", "--env-steps", "400",
]
seeds = [0, 1]

[axes.rate]
high = ["--agent.ppo.learning-rate", "0.001"]
low = ["--agent.ppo.learning-rate", "0.0001"]
"""


def steps_of_cells(folder: SweepFolder) -> dict[str, int]:
    if not folder.cells_file.exists():
        return {}
    cells = [cell for cell, _ in folder.read().values()]
    return {name: x.steps for name, x in folder.statuses(cells).items()}


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(GRID)
    folder = SweepFolder(tmp_path / "sweep")
    words = ["sweep", str(tmp_path / "grid.toml"), "--out", str(folder.path)]
    words += ["--processes", "2", "--threads", "1", "--retries", "99"]
    killer = Killer(SEED, tmp_path / "log.txt")
    before: dict[str, int] = {}
    while killer.kills < KILLS:
        sweep = subprocess.Popen(
            [sys.executable, "-m", "experiments.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            cwd=Path(__file__).parents[2],
        )
        victims = killer.draws.randint(0, 3)
        for _ in range(victims):
            if not kill_a_run(folder, killer, sweep):
                break
        sweep.kill()
        sweep.communicate()
        killer.kills += 1
        now = steps_of_cells(folder)
        assert all(now[x] >= y for x, y in before.items()), (before, now)
        before = now
    assert killer.let(words) == 0, killer.said()
    cells = [cell for cell, _ in folder.read().values()]
    states = {x.state for x in folder.statuses(cells).values()}
    assert states == {State.DONE}
    print(f"sweep: {killer.kills} kills, {len(cells)} cells done")


def kill_a_run(
    folder: SweepFolder, killer: Killer, sweep: "subprocess.Popen[bytes]"
) -> bool:
    """Wait until a run has saved more, and kill its process; False at the end."""
    begun = steps_of_cells(folder)
    while sweep.poll() is None:
        now = steps_of_cells(folder)
        for name, steps in now.items():
            lock = folder.path / "cells" / name / "lock"
            if steps > begun.get(name, 0) and is_locked(lock):
                os.kill(int(lock.read_text().split()[1]), signal.SIGKILL)
                killer.kills += 1
                return True
    return False
