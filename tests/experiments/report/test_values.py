import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.report.curves import axes_for, task_curves
from experiments.report.runs import LoadedRun
from experiments.report.values import (
    Reference,
    RunValue,
    mean_over,
    metrics_of,
    read_references,
    run_value,
)
from ssl_objectives.refusal import ConfigError

SCORE = "episode/return"


def run(
    steps: list[int],
    values: list[float],
    seconds: list[float] | None = None,
    frames: int | None = None,
) -> LoadedRun:
    columns: dict[str, Any] = {
        "steps": np.array(steps, np.int64),
        "wall_time": np.array(seconds or steps, np.float64),
        SCORE: np.array(values, np.float64),
    }
    if frames is not None:
        columns["time/frames"] = columns["steps"] * float(frames)
    return LoadedRun(Path("run"), {}, columns, {"best": 9.0, "nan": float("nan")})


def test_the_final_value_is_the_mean_of_the_last_part() -> None:
    steps = list(range(10, 110, 10))
    record = run(steps, [0, 0, 0, 0, 0, 0, 0, 4, 6, 20])
    assert run_value(record, SCORE).final == 20  # above 90 of 100 env steps
    assert run_value(record, SCORE, 0.3).final == 10
    assert run_value(record, SCORE, 1.0).final == 3


def test_gaps_are_skipped_and_an_early_last_value_is_said_to_be() -> None:
    steps = [10, 20, 95, 100]
    assert run_value(run(steps, [1, 2, 7, np.nan]), SCORE) == RunValue(
        7, (1.5 * 10 + 4.5 * 75) / 85
    )
    early = run_value(run(steps, [1, 2, np.nan, np.inf]), SCORE)
    assert (early.final, early.at) == (2, 20)
    assert run_value(run(steps, [np.nan] * 4), SCORE) == RunValue(None, None)


def test_the_area_is_that_of_straight_lines() -> None:
    assert mean_over(np.array([0.0, 1.0, 4.0]), np.array([0.0, 2.0, 2.0])) == 7 / 4
    assert mean_over(np.array([3.0]), np.array([5.0])) == 5


def test_results_stand_in_for_what_is_not_logged() -> None:
    record = run([10], [1])
    assert run_value(record, "best") == RunValue(9, None)
    assert run_value(record, "nan") == RunValue(None, None)
    assert run_value(record, "other") == RunValue(None, None)


def test_where_the_world_never_pays_tallies_are_reported() -> None:
    silent = run([10, 20], [0, 0])
    assert metrics_of([silent], []) == (SCORE,)
    for name in ("tally/rooms", "tally/keys"):
        silent.columns[name] = np.ones(2)  # type: ignore[index]  # a dict
    assert metrics_of([silent], []) == ("tally/keys", "tally/rooms")
    assert metrics_of([silent, run([10, 20], [0, 1])], []) == (SCORE,)
    assert metrics_of([silent], [SCORE]) == (SCORE,)


def test_metrics_are_chosen_or_named() -> None:
    record = run([10], [1])
    assert metrics_of([record], []) == (SCORE,)
    assert metrics_of([record], ["best", SCORE, "best"]) == ("best", SCORE)
    only = LoadedRun(record.path, {}, {"steps": np.zeros(0)}, {"a": 1.0, "b": 2.0})
    assert metrics_of([only], []) == ("a", "b")
    with pytest.raises(ConfigError, match=r"--metric episode/retrun.*'episode/return'"):
        metrics_of([record], ["episode/retrun"])
    with pytest.raises(ConfigError, match="None of the 1 runs has episode/return"):
        metrics_of([LoadedRun(record.path, {}, {"steps": np.zeros(0)})], [])


def test_scores_are_measured_between_two(tmp_path: Path) -> None:
    toml, text = tmp_path / "scores.toml", tmp_path / "scores.json"
    toml.write_text('["Key Door"]\nrandom = -1\nreference = 3.0\n')
    text.write_text(json.dumps({"Key Door": {"random": -1, "reference": 3}}))
    for file in (toml, text):
        scores = read_references(file, ["Key Door"])
        assert scores == {"Key Door": Reference(-1, 3)}
        assert [scores["Key Door"].normalize(x) for x in (-1, 3, 5)] == [0, 1, 1.5]
    for content, message in (
        ('{"Key Dor": {}}', "no scores for 'Key Door'.*Did you mean 'Key Dor'"),
        ('{"Key Door": {"random": 1}}', "needs two numbers"),
        ('{"Key Door": {"random": 1, "reference": 1}}', "equal"),
        ("{", "cannot be read"),
        ("[]", "no scores for"),
    ):
        text.write_text(content)
        with pytest.raises(ConfigError, match=message):
            read_references(text, ["Key Door"])


def test_curves_lie_on_one_grid() -> None:
    slow = run([50, 100], [0, 10], [36, 72], frames=4)
    fast = run([25, 50, 75, 100], [1, 1, 3, 3], [9, 18, 27, 36], frames=4)
    frames, time = axes_for([slow, fast])
    assert (frames.label, time.label) == (
        "emulated frames, all envs together",
        "seconds of training",
    )
    [curves, none] = task_curves([[slow, fast], []], SCORE, frames, points=4)
    assert none is None
    assert curves is not None
    np.testing.assert_allclose(curves.grid, [50, 150, 250, 350])
    np.testing.assert_allclose(curves.runs[0], [np.nan, 0, 5, 10])
    np.testing.assert_allclose(curves.runs[1], [1, 1, 3, 3])
    assert curves.band is not None
    # two runs: no interval; and no mean where one of them has no value yet
    np.testing.assert_allclose(curves.band.value, [np.nan, 0.5, 4, 6.5])
    assert curves.band.low is None
    [curves] = task_curves([[slow, fast]], SCORE, time, points=4)
    assert curves is not None
    assert curves.band is not None
    np.testing.assert_allclose(curves.runs[1], [1, 3, np.nan, np.nan])
    np.testing.assert_allclose(curves.band.value, [np.nan, 1.5, np.nan, np.nan])


def test_a_mean_of_rows_in_a_bin() -> None:
    record = run(list(range(1, 101)), list(range(1, 101)))
    frames, _ = axes_for([record, run([], [])])
    assert frames.label == "env steps, all envs together"
    [curves] = task_curves([[record] * 3], SCORE, frames, points=10)
    assert curves is not None
    assert curves.band is not None
    expected = np.arange(5.5, 100, 10)
    np.testing.assert_allclose(curves.band.value, expected)
    assert curves.band.low is not None
    np.testing.assert_allclose(curves.band.low, expected)


def test_runs_that_never_overlap_have_no_mean() -> None:
    early, late = run([1, 2], [0, 0]), run([90, 100], [1, 1])
    frames, _ = axes_for([early, late])
    [curves] = task_curves([[early, late]], SCORE, frames)
    assert curves is not None
    assert curves.band is None
    assert task_curves([[run([], [])]], SCORE, frames) == [None]
