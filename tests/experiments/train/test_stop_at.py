"""`--stop-at`: a run ends where its last episodes were good, and is done there."""

import json
import random
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.report.runs import read_run
from experiments.runs.checkpoints.checkpoint import load_checkpoint, read_header
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.sweep.cell import expand
from experiments.sweep.folder import State, SweepFolder
from experiments.sweep.grid import read_grid
from experiments.sweep.progress import SweepProgress
from experiments.train.goal import Goal

Command = Callable[..., Any]
Rows = Callable[[RunFolder], list[dict[str, Any]]]

# Dives of two steps, of which random play finds the treasure in one of four.
SEA = (
    *("ppo", "--world", "deep-sea", "--world.size", "2", "--encoder", "patch"),
    *("--agent.encoder.patch", "1", "--size", "debug", "--num-envs", "4"),
    *("--agent.ppo.num-steps", "12", "--video-steps", "0", "--stop-episodes", "9"),
    *("--checkpoint-every", "32", "--env-steps", "4000", "--seed", "0"),
)
# A mean that random play has now and then, but seldom in the first rollout.
AT = ("--stop-at", "0.5")


def latest(run: RunFolder) -> Path:
    return CheckpointFolder(run.checkpoints).latest()


def test_it_is_the_mean_of_the_last_episodes_however_they_come() -> None:
    draws = random.Random(3)
    returns = [draws.random() for _ in range(200)]
    goal, seen = Goal(0.6, 7), 0
    reached = []
    while seen < len(returns):
        some = returns[seen : seen + draws.randrange(5)]
        goal.follow(some)
        seen += len(some)
        last = returns[max(0, seen - 7) : seen]
        want = seen >= 7 and sum(last) / 7 >= 0.6
        assert goal.reached is want
        assert goal.metrics["goal/reached"] == float(want)
        assert goal.mean == pytest.approx(sum(last) / max(1, len(last)))
        again = Goal(0.6, 7)
        again.load_state_dict(json.loads(json.dumps(goal.state_dict())))
        assert again.metrics == goal.metrics
        reached.append(want)
    assert any(reached)
    assert not all(reached[5:])


def test_without_a_goal_nothing_is_reached_or_told() -> None:
    goal = Goal(None, 1)
    goal.follow([1e9])
    assert not goal.reached
    assert goal.metrics == {}


@pytest.fixture(scope="module")
def stopped(curious: Command) -> Any:
    done = curious("train", *SEA, *AT)
    assert done.code == 0, done.err
    return done


def test_a_run_ends_where_its_episodes_are_good(stopped: Any, rows: Rows) -> None:
    told = [x["metrics"]["goal/reached"] for x in rows(stopped.run)]
    assert told == [0.0] * (len(told) - 1) + [1.0]
    last = rows(stopped.run)[-1]
    assert last["metrics"]["goal/return"] >= 0.5
    assert last["steps"] < 4000
    header = read_header(latest(stopped.run))
    assert (header.steps, header.reached) == (last["steps"], True)
    earlier = CheckpointFolder(stopped.run.checkpoints).paths()[:-1]
    assert not any(read_header(x).reached for x in earlier)
    assert f"{last['metrics']['goal/return']:.4g} in the last 9 episodes" in stopped.out
    assert read_run(stopped.run.path).finished


def test_it_goes_on_to_the_same_end(stopped: Any, curious: Command, rows: Rows) -> None:
    steps = [int(x["steps"]) for x in rows(stopped.run)]
    assert len(steps) > 3
    half = curious("train", *SEA, *AT, "--env-steps", str(steps[len(steps) // 2]))
    assert not read_header(latest(half.run)).reached
    again = curious("train", "--resume", str(half.run.path), "--env-steps", "4000")
    assert again.code == 0, again.err
    assert rows(half.run) == rows(stopped.run)
    one, two = (load_checkpoint(latest(x)).state for x in (half.run, stopped.run))
    assert one["goal"] == two["goal"]


def test_what_is_reached_is_left_alone_and_a_higher_goal_goes_on(
    stopped: Any, curious: Command, rows: Rows
) -> None:
    fresh = curious("train", *SEA, *AT)
    before = rows(fresh.run)
    done = curious("train", "--resume", str(fresh.run.path))
    assert done.code == 0, done.err
    assert "had reached what it was for" in " ".join(done.out.split())
    assert rows(fresh.run) == before
    higher = ("--stop-at", "0.9", "--env-steps", "400")
    more = curious("train", "--resume", str(fresh.run.path), *higher)
    assert more.code == 0, more.err
    after = rows(fresh.run)
    assert len(after) > len(before)
    assert after[-1]["metrics"]["goal/return"] >= 0.9 or after[-1]["steps"] >= 400


def test_a_sweep_knows_that_such_a_cell_is_done(
    curious: Command, tmp_path: Path
) -> None:
    words = " ".join(x for x in SEA[:-2])
    grid = tmp_path / "grid.toml"
    grid.write_text(
        f'arguments = "{words} --stop-at 0.5"\nseeds = [0]\n[axes.signal]\nppo = ""\n'
    )
    sweep = SweepFolder(tmp_path / "sweep")
    where = ("--out", str(sweep.path), "--commands", str(tmp_path / "commands.sh"))
    assert curious("sweep", str(grid), *where).code == 0
    [cell] = expand(read_grid(grid))
    ran = curious("sweep", str(sweep.path), "--cell", cell.name)
    assert ran.code == 0, ran.out + ran.err
    status = sweep.status(cell)
    assert status.state is State.DONE
    assert status.steps < cell.budget
    shown = SweepProgress(sweep, [cell], Console(file=StringIO()))
    assert shown.line().startswith("1 of 1 cells · 4.00k / 4.00k")
    again = curious("sweep", str(sweep.path), "--processes", "1")
    assert "1 cells, 1 of them done" in again.out
    listed = curious("sweep", str(sweep.path), "--dry-run")
    assert "1 done; 0 env steps left" in " ".join(listed.out.split())


def test_numbers_that_mean_nothing_are_refused(curious: Command) -> None:
    done = curious("train", *SEA, *AT, "--stop-episodes", "0")
    assert done.code != 0
    assert "--stop-episodes must be at least 1, not 0" in done.err + done.out
