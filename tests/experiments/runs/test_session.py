"""Sessions with the smallest trainer: what holds for every trainer is tested here."""

import multiprocessing
import os
import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.runs import session
from experiments.runs.checkpoints.checkpoint import read_header
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.folder import RunFolder, RunInUse
from experiments.runs.session import run_sessions
from ssl_objectives.refusal import ConfigError, TrainingDiverged
from tests.experiments.runs.fake_task import FakeConfig, FakeTask, go, killed_at
from tests.experiments.runs.left import evaluated, metric, rows, same, saved, state
from world_models.data.lock import is_locked


@pytest.fixture
def config(tmp_path: Path) -> FakeConfig:
    return FakeConfig(runs=tmp_path / "runs")


def interrupt(*numbers: int) -> None:
    for number in numbers:
        os.kill(os.getpid(), number)


# a run from its beginning to its end


def test_a_session_calls_a_task_in_order(config: FakeConfig) -> None:
    task = FakeTask(config)
    [result] = run_sessions(lambda one: task, config, console=Console(quiet=True))
    assert task.log == ["make", "begin", "finished", "close"]
    assert (result.steps, result.finished) == (12, True)
    assert [x for x, _ in rows(result.run)] == list(range(1, 13))
    assert saved(result.run) == [4, 8, 12]
    assert result.run.config() == config


def test_what_is_due_is_due_at_multiples_passed_and_at_the_end(
    config: FakeConfig,
) -> None:
    config = replace(config, budget=31, step_size=3, log_every=5, evaluate_every=10)
    config = replace(config, checkpoint_every=9, keep_checkpoints=99)
    [result] = go(config)
    assert result.steps == 33  # the last step is a whole one
    assert evaluated(result.run) == [0, 12, 21, 30, 33]
    logged = [x for x, _ in rows(result.run)]
    assert logged == [0, 6, 12, 15, 21, 27, 30, 33]
    # those of the schedule, and one with each evaluation, whose score it holds
    assert saved(result.run) == [9, 12, 18, 21, 27, 30, 33]
    headers = {
        steps_of(x): read_header(x).score
        for x in CheckpointFolder(result.run.checkpoints).paths()
    }
    assert headers[12] == -36.0
    assert headers[18] is None


def test_a_budget_that_ends_within_a_step_is_told_of(config: FakeConfig) -> None:
    for budget, told in ((31, True), (33, False)):
        heard = StringIO()
        run_sessions(
            FakeTask,
            replace(config, budget=budget, step_size=3),
            console=Console(file=heard, width=200),
        )
        said = "33 steps are done, where 31 were asked for" in heard.getvalue()
        assert said == told


def test_never_is_never(config: FakeConfig) -> None:
    [result] = go(replace(config, evaluate_every=0, checkpoint_every=0))
    assert evaluated(result.run) == []
    assert saved(result.run) == [12]  # what is done is saved in the end


def test_an_evaluation_has_metrics_and_weights_of_its_steps_whatever_the_schedule(
    config: FakeConfig,
) -> None:
    """Also where its score is 0, which is a score."""
    config = replace(config, log_every=100, evaluate_every=6, checkpoint_every=0)
    [result] = go(config)
    assert [(x, len(y)) for x, y in rows(result.run)] == [(0, 0), (6, 1), (12, 1)]
    assert saved(result.run) == [6, 12]
    scores = [
        read_header(x).score for x in CheckpointFolder(result.run.checkpoints).paths()
    ]
    assert scores == [0.0, -36.0]


def test_metrics_are_written_for_tensorboard_where_a_task_wants_it(
    config: FakeConfig,
) -> None:
    [with_it] = go(config)
    [without] = go(config, tensorboard=False)
    assert any(with_it.run.tensorboard.iterdir())
    assert not any(without.run.tensorboard.iterdir())


def test_memory_is_in_gib(config: FakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "peak_bytes", lambda device: 3 * 2**29)
    [result] = go(config)
    assert set(metric(result.run, "memory/peak_gib")) == {1.5}


def test_people_see_what_a_task_shows_and_where_all_of_it_lies(
    config: FakeConfig,
) -> None:
    out = StringIO()
    console = Console(file=out, width=60)
    run_sessions(lambda one: FakeTask(one), config, console=console)
    lines = out.getvalue().splitlines()
    assert lines[0].startswith(f"Run folder: {config.runs}")  # one line, however long
    assert "100% 12 / 12 steps" in lines[-1]
    assert "shown 12" in lines[-1]


def test_seeds_are_runs_of_their_own(config: FakeConfig) -> None:
    results = go(replace(config, seeds=3, seed=5))
    assert [x.run.config().seed for x in results] == [5, 6, 7]
    assert all(x.run.config().seeds == 1 for x in results)
    first = [rows(x.run)[0][1] for x in results]
    assert first[0] != first[1] != first[2]


@pytest.mark.parametrize("fails", ["make", "begin"])
def test_what_fails_before_the_first_step_leaves_no_folder(
    config: FakeConfig, fails: str
) -> None:
    def refuse() -> None:
        raise ConfigError("these do not go together")

    hooks: dict[str, Any] = {fails: refuse}
    with pytest.raises(ConfigError):
        go(config, **hooks)
    assert not config.runs.exists()


# one process at a time


def test_a_run_in_use_is_left_alone_and_one_is_told_who_holds_it(
    config: FakeConfig, held: Callable[[Path], AbstractContextManager[int]]
) -> None:
    [result] = go(replace(config, budget=4))
    before = left_in(result.run)
    with (
        held(result.run.path / "lock") as number,
        pytest.raises(RunInUse, match=f"trained by process {number} on .*Ctrl-C"),
    ):
        go(config, resume=result.run.path)
    assert left_in(result.run) == before
    [rest] = go(config, resume=result.run.path)  # the lock ended with its process
    assert rest.steps == 12


def test_a_run_is_held_from_its_first_step_to_its_last(config: FakeConfig) -> None:
    """Also a resumed one, and against the process that trains it."""
    refused: list[int] = []

    def try_again(steps: int) -> None:
        [path] = config.runs.iterdir()
        if steps == 1:  # nothing is saved that could go on
            return
        with pytest.raises(RunInUse, match="this very process"):
            go(replace(config, budget=99), resume=path)
        assert is_locked_for_others(path / "lock")
        refused.append(steps)

    [result] = go(replace(config, budget=5, checkpoint_every=1), on_step=try_again)
    go(replace(config, budget=7), resume=result.run.path, on_step=try_again)
    assert refused == [2, 3, 4, 5, 6, 7]
    assert not is_locked_for_others(result.run.path / "lock")


def test_what_has_had_its_budget_says_so_though_it_is_held(
    config: FakeConfig, held: Callable[[Path], AbstractContextManager[int]]
) -> None:
    [result] = go(config)
    with held(result.run.path / "lock"):
        [again] = go(config, resume=result.run.path)
    assert (again.steps, again.finished) == (12, True)


def left_in(run: RunFolder) -> dict[Path, bytes]:
    return {
        x: x.read_bytes()
        for x in run.path.rglob("*")
        if x.is_file() and x.name != "lock"
    }


def is_locked_for_others(file: Path) -> bool:
    context = multiprocessing.get_context("fork")
    with context.Pool(1) as pool:
        return pool.apply(is_locked, (file,))


# being killed


@pytest.mark.parametrize("at", [1, 5, 12])
def test_kill_9_loses_at_most_what_came_after_the_last_checkpoint(
    config: FakeConfig, at: int
) -> None:
    [whole] = go(config)
    killed = replace(config, runs=config.runs.with_name("killed"))
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_run_killed, args=(killed, at))
    process.start()
    process.join()
    assert process.exitcode == 9
    [path] = killed.runs.iterdir()
    run = RunFolder(path)
    assert saved(run) == [x for x in (4, 8) if x < at]
    if not saved(run):
        return
    [rest] = go(killed, resume=path)
    assert rows(rest.run) == rows(whole.run)
    assert same(state(rest.run), state(whole.run))


def _run_killed(config: FakeConfig, at: int) -> None:
    go(config, on_step=killed_at(at))


# interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_after_this_step_with_a_checkpoint(
    config: FakeConfig, number: int
) -> None:
    before = signal.getsignal(number)

    def on_step(steps: int) -> None:
        if steps == 6:
            interrupt(number)

    out = StringIO()
    console = Console(file=out, width=40)
    config = replace(config, seeds=3)
    task: list[FakeTask] = []

    def make(one: FakeConfig) -> FakeTask:
        task.append(FakeTask(one))
        task[-1].on_step = on_step
        return task[-1]

    [result] = run_sessions(make, config, console=console)
    assert signal.getsignal(number) is before
    assert task[0].log == ["make", "begin", "stopped", "close"]
    assert (result.steps, result.finished) == (6, False)
    assert saved(result.run) == [4, 6]
    lines = out.getvalue().splitlines()
    [stopped] = [x for x in lines if x.startswith("Stopped at 6 steps")]
    assert stopped.endswith(f"Go on with: curious fake --resume {result.run.path}")
    assert lines[-1].endswith(f"--config {result.run.path} --seed 1 --seeds 2")
    [rest] = go(replace(config, seeds=1), resume=result.run.path)
    [whole] = go(replace(config, seeds=1, runs=config.runs.with_name("whole")))
    assert rows(rest.run) == rows(whole.run)


def test_ctrl_c_leaves_an_evaluation_whose_score_does_not_count(
    config: FakeConfig,
) -> None:
    config = replace(config, evaluate_every=5)
    [result] = go(config, on_evaluate=lambda: interrupt(signal.SIGINT))
    assert result.steps == 5
    assert evaluated(result.run) == [0]  # from before the first step
    assert [x for x, _ in rows(result.run)][-1] == 5
    assert read_header(CheckpointFolder(result.run.checkpoints).latest()).score is None


def test_what_is_left_in_the_end_hears_of_ctrl_c(config: FakeConfig) -> None:
    """A video, for one, is not waited for."""
    asked: list[bool] = []

    def finish(run: RunFolder, finished: bool, stop: Callable[[], bool]) -> None:
        asked.append(stop())
        interrupt(signal.SIGINT)
        asked.append(stop())

    go(config, finish=finish)
    assert asked == [False, True]


def test_a_second_ctrl_c_insists(config: FakeConfig) -> None:
    tasks: list[FakeTask] = []

    def make(one: FakeConfig) -> FakeTask:
        tasks.append(FakeTask(one))
        tasks[-1].on_step = lambda steps: interrupt(signal.SIGINT, signal.SIGINT)
        return tasks[-1]

    with pytest.raises(KeyboardInterrupt):
        run_sessions(make, config, console=Console(quiet=True))
    assert tasks[0].log == ["make", "begin", "close"]
    [path] = config.runs.iterdir()
    assert saved(RunFolder(path)) == []


# divergence


def test_a_metric_that_is_not_finite_stops_and_is_written_down(
    config: FakeConfig,
) -> None:
    with pytest.raises(TrainingDiverged) as error:
        go(replace(config, metric_breaks_at=6))
    [path] = config.runs.iterdir()
    run = RunFolder(path)
    said = str(error.value)
    assert "fake/loss is nan" in said
    assert "The last good checkpoint is step-000000000004.safetensors." in said
    assert f"curious fake --resume {path} --learning-rate 0.02" in said
    assert saved(run) == [4]
    assert rows(run)[-1][0] == 6
    assert isnan(float(rows(run)[-1][1]["fake/loss"]))


def test_without_a_checkpoint_the_config_is_to_be_tried_again(
    config: FakeConfig,
) -> None:
    with pytest.raises(TrainingDiverged) as error:
        go(replace(config, metric_breaks_at=1))
    [path] = config.runs.iterdir()
    assert "No checkpoint had been saved yet." in str(error.value)
    assert "from before" not in str(error.value)
    assert f"curious fake --config {path} --learning-rate" in str(error.value)


def test_what_came_from_outside_is_not_blamed_on_the_learning_rate(
    config: FakeConfig,
) -> None:
    with pytest.raises(TrainingDiverged) as error:
        go(replace(config, metric_breaks_at=6), blame=lambda: "The world is broken.")
    [path] = config.runs.iterdir()
    said = str(error.value)
    assert said.startswith("The world is broken. No learning rate helps.")
    assert said.endswith(f"When that is mended: curious fake --resume {path}")


# what is said can be typed


def test_suggested_commands_can_be_copied_whatever_the_path(config: FakeConfig) -> None:
    out = StringIO()
    console = Console(file=out, width=40)
    config = replace(config, runs=config.runs / "it's mine; echo")
    task = FakeTask(replace(config))
    task.on_step = lambda steps: interrupt(signal.SIGINT) if steps == 3 else None
    [first] = run_sessions(lambda _: task, replace(config, seeds=1), None, console)
    [done] = go(config, resume=first.run.path)
    run_sessions(FakeTask, config, done.run.path, console)
    with pytest.raises(TrainingDiverged) as error:
        go(replace(config, metric_breaks_at=14, budget=15), resume=done.run.path)
    with pytest.raises(ConfigError) as other:
        go(replace(config, size=4), resume=done.run.path)
    said = [*out.getvalue().splitlines(), str(error.value), str(other.value)]
    commands = [x[x.index("curious fake") :] for x in said if "curious fake" in x]
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command, posix=True)
        assert Path(words[3]) in (done.run.path, done.run.config_file), command


@pytest.mark.parametrize("inside", ["config.json", "checkpoints", "plots"])
def test_what_lies_in_a_run_names_the_run(config: FakeConfig, inside: str) -> None:
    [half] = go(replace(config, budget=6))
    [whole] = go(config, resume=half.run.path / inside)
    assert whole.run.path.absolute() == half.run.path.absolute()
    assert whole.steps == 12


@pytest.mark.parametrize("log_every", [1, 100])
def test_weights_that_are_not_finite_are_never_saved(
    config: FakeConfig, log_every: int
) -> None:
    """Also where no metric was looked at since."""
    config = replace(config, weight_breaks_at=7, log_every=log_every)
    with pytest.raises(TrainingDiverged, match=r"nan"):
        go(config)
    [path] = config.runs.iterdir()
    assert saved(RunFolder(path)) == [4]
    assert all(x.isfinite().all() for x in state(RunFolder(path))["modules"].values())


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(
    config: FakeConfig, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        go(replace(config, runs=tmp_path / "file" / "runs"))


def test_it_is_a_real_trainer(config: FakeConfig) -> None:
    """Otherwise none of the above would say much: it learns, and repeats exactly."""
    [one] = go(replace(config, budget=200))
    losses = [float(x["fake/loss"]) for _, x in rows(one.run)]
    assert sum(losses[-10:]) < 0.1 * sum(losses[:10])
    [two] = go(replace(config, budget=200))
    assert rows(two.run) == rows(one.run)


# what may fail, when training is done or goes on


@pytest.mark.parametrize("where", ["evaluate", "finish", "close"])
def test_what_trains_nothing_ends_no_run(config: FakeConfig, where: str) -> None:
    """Such as a simulator that can be opened only once."""

    def fails(*_: Any) -> None:
        raise RuntimeError("it opens once [only]")

    out = StringIO()
    config = replace(config, evaluate_every=6, seeds=2)

    def make(one: FakeConfig) -> FakeTask:
        task = FakeTask(one)
        setattr(task, "on_evaluate" if where == "evaluate" else where, fails)
        return task

    results = run_sessions(make, config, console=Console(file=out, width=300))
    assert [(x.steps, x.finished) for x in results] == [(12, True)] * 2
    assert all(12 in saved(x.run) for x in results)
    said = [x for x in out.getvalue().splitlines() if "warning:" in x]
    assert len(said) == (4 if where == "evaluate" else 2)  # twice in each run, or once
    assert all("failed: RuntimeError: it opens once [only] (" in x for x in said)
    assert "test_session.py, line " in said[0]


def test_a_second_ctrl_c_ends_what_is_left_in_the_end(config: FakeConfig) -> None:
    def insist(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(config, finish=insist)


def test_a_terminal_without_its_characters_is_told_all_the_same(
    config: FakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = BytesIO()
    terminal = TextIOWrapper(heard, "ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    config = replace(config, evaluate_every=6)
    [result] = run_sessions(lambda one: FakeTask(one), config)
    assert result.finished
    said = heard.getvalue().decode("ascii")
    assert "12 / 12 steps - " in said
    assert "shown 12" in said
