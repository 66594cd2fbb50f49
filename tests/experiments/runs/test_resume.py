"""A run that is gone on with equals one that was never left."""

from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from experiments.runs.session import RunResult, run_sessions
from ssl_objectives.refusal import ConfigError
from tests.experiments.runs.fake_task import FakeConfig, FakeTask, go
from tests.experiments.runs.left import metric, rows, same, saved, state


@pytest.fixture
def config(tmp_path: Path) -> FakeConfig:
    return FakeConfig(runs=tmp_path / "runs")


@pytest.mark.parametrize("at", [4, 5, 11])
def test_n_and_resume_and_the_rest_is_the_whole(config: FakeConfig, at: int) -> None:
    [whole] = go(config)
    [part] = go(replace(config, budget=at))
    [rest] = go(config, resume=part.run.path)
    assert rest.run == part.run
    assert rows(rest.run) == rows(whole.run)
    assert same(state(rest.run), state(whole.run))
    assert rest.run.config() == config


def test_an_older_checkpoint_goes_on_and_what_was_beyond_is_dropped(
    config: FakeConfig,
) -> None:
    [whole] = go(config)
    before, kept = rows(whole.run), state(whole.run)
    old = whole.run.checkpoints / "step-000000000004.safetensors"
    [again] = go(config, resume=old)
    assert rows(again.run) == before
    assert same(state(again.run), kept)


def test_going_back_says_from_where_and_drops_it_at_once(config: FakeConfig) -> None:
    [whole] = go(config)
    old = whole.run.checkpoints / "step-000000000004.safetensors"
    left: list[list[int]] = []
    task = FakeTask(replace(config, checkpoint_every=0))
    task.on_step = lambda steps: left.append(saved(whole.run))
    out = StringIO()
    run_sessions(lambda one: task, config, old, Console(file=out, width=40))
    assert "Going back from 12 to 4 steps: " in out.getvalue()
    assert left[0] == [4]


def test_speed_does_not_count_steps_from_before(config: FakeConfig) -> None:
    many = 10**9
    [part] = go(replace(config, budget=many, step_size=many))
    [rest] = go(replace(config, budget=many + 3), resume=part.run.path)
    assert rest.steps == many + 3
    assert max(metric(rest.run, "time/steps_per_second")[1:]) < 10**6


def test_a_run_that_had_its_budget_says_so(config: FakeConfig) -> None:
    [whole] = go(config)
    out = StringIO()
    console = Console(file=out, width=40)
    task = FakeTask(config)
    [result] = run_sessions(lambda one: task, config, whole.run.path, console)
    assert result == RunResult(whole.run, 12, True)
    assert task.log == []
    [line] = out.getvalue().splitlines()
    assert line.endswith(f"curious fake --resume {whole.run.path} --budget 24")


def test_what_was_not_reported_is_gone_on_with(config: FakeConfig) -> None:
    [whole] = go(config)
    task = FakeTask(config)
    task.is_reported = lambda run: False  # type: ignore[method-assign]
    run_sessions(lambda one: task, config, whole.run.path, Console(quiet=True))
    assert task.log == ["make", "load", "reopen", "finished", "close"]


def test_a_state_that_does_not_fit_is_refused_before_anything_is_built(
    config: FakeConfig,
) -> None:
    [part] = go(replace(config, budget=4))
    task, seen = FakeTask(config), []

    def refuse(state: Mapping[str, Any]) -> None:
        seen.append(state["modules"]["bias"].shape)
        raise ConfigError("by three processes")

    task.check_state = refuse  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="by three"):
        run_sessions(lambda one: task, config, part.run.path, Console(quiet=True))
    assert seen == [(3,)]
    assert task.log == []


def test_another_run_is_refused(config: FakeConfig) -> None:
    [whole] = go(config)
    with pytest.raises(ConfigError, match=r"--seed 3 \(was 0\); --size 4 \(was 3\)"):
        go(replace(config, seed=3, size=4), resume=whole.run.path)
    # whatever only says how to go on may change
    [longer] = go(replace(config, budget=16, log_every=2), resume=whole.run.path)
    assert longer.steps == 16


def test_other_networks_than_the_config_says_are_refused(config: FakeConfig) -> None:
    [whole] = go(config)
    text = whole.run.config_file.read_text().replace('"size": 3', '"size": 4')
    whole.run.config_file.write_text(text)
    longer = replace(config, size=4, budget=20)
    with pytest.raises(ConfigError, match=r"weight \(\[3, 3\], needed: \[4, 4\]\)"):
        go(longer, resume=whole.run.path)
