"""Tables of the grids beside `attention`, and what is gathered of the key and door."""

import importlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.attention.config import AttentionConfig
from experiments.report.runs import LoadedRun

DOCS = Path(__file__).parents[1] / "docs"
Script = Callable[[str], Any]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Scripts of the docs, which import each other as they lie side by side."""
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module


def line(signal: str, seed: int, loss: float, **more: Any) -> dict[str, Any]:
    return {
        **{"company": "noise", "animate": "reaching", "signal": signal},
        **{"seed": seed, "watched/reaching": loss, "env_steps": 2_400},
        **{"share/in_view/reaching": 0.7, "share/in_view/noise": 0.3},
        **more,
    }


def test_a_grid_borrows_runs_of_the_seeds_that_it_has(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grids = script("attention_grids")
    own = [line("mine", seed, 0.1) for seed in (2, 1)]
    others = [line("random", seed, 0.1 * seed) for seed in (1, 2, 3)]
    others += [line("gamma", seed, 0.05) for seed in (1, 2)]
    for name, lines in (("own_grid", own), ("shared", others)):
        text = "\n".join(map(json.dumps, lines))
        (tmp_path / f"{name}.jsonl").write_text(text)
    monkeypatch.setattr(grids, "RESULTS", tmp_path)
    read = grids.read
    monkeypatch.setattr(
        grids, "read", lambda file=None: read(file or tmp_path / "shared.jsonl")
    )
    arms = {"mine": "own", "random": "gaze", "gamma": "γ"}
    grid = grids.Grid("own-grid", grids.REACHING, arms, shared=("random",))
    rows = list(grids.score_table(grid.results(), *grid.worlds, grid.arms))
    assert rows[2:] == [
        "| own | 1.00, 2.00 | 1.41 | 0.70 | 0.30 |",
        "| gaze | 1.00, 1.00 | 1.00 | 0.70 | 0.30 |",  # and not of seed 3
        "| γ | – | – | – | – |",  # not shared
    ]
    itself = replace(grid, base="mine")
    rows = list(grids.score_table(itself.results(), *grid.worlds, grid.arms))
    assert rows[2] == "| own | 1.00, 1.00 | 1.00 | 0.70 | 0.30 |"
    assert rows[3] == "| gaze | 1.00, 0.50 | 0.71 | 0.70 | 0.30 |"


def test_the_bump_is_where_the_share_is_highest(script: Script) -> None:
    grids, tables = script("attention_grids"), script("attention_tables")
    share = [0.25] * 24
    share[5], share[18:] = 0.9, [0.1, 0.2, 0.3, 0.2, 0.2, 0.2]
    runs = tables.Results((line("gamma", 7, 0.1, animate_share=share),))
    # the middle of the sixth part of 2,400 steps, to the nearest hundred
    assert list(grids.bump_table(runs))[2:] == ["| 7 | 0.90 | 600 | 0.20 |"]


def test_the_page_has_the_tables_of_all_grids_that_were_run(script: Script) -> None:
    page = (DOCS / "gamma_progress.md").read_text().splitlines()
    for heading, rows in script("attention_grids").tables():
        found = [i for i in range(len(page)) if page[i : i + len(rows)] == rows]
        assert len(found) == 1, heading


def test_the_last_episodes_are_counted_as_one_by_one(script: Script) -> None:
    """Beside every single episode written out, where numbers are whole."""
    recent = script("collect_key_door").recent
    rng = np.random.default_rng(0)
    number = rng.integers(5, 60, 40)
    good = np.array([rng.integers(0, x + 1) for x in number])
    got = recent(good / number, number.astype(float))
    single: list[float] = []
    for i, (n, k) in enumerate(zip(number, good, strict=True)):
        single += [k / n] * int(n)  # which of them did is not known
        assert got[i] == pytest.approx(sum(single[-200:]) / 200)


def test_solved_is_the_first_rollout_at_nine_tenths(script: Script) -> None:
    steps = 1_000 * np.arange(1, 31)
    reached = np.r_[np.zeros(10), np.ones(20)]
    columns = {
        "steps": steps,
        "wall_time": steps / 500,
        "episode/return": reached,
        "episode/length": np.full(30, 50.0),  # twenty episodes in each
    }
    settings: dict[str, str | int | float | bool | None] = {
        "world.max_episode_steps": 100,
        "versions.git.commit": 40 * "a",
        "versions.git.dirty": True,
    }
    run = LoadedRun(Path(), settings, columns)
    assert script("collect_key_door").told(run) == {
        "episode_steps": 100,
        "solved_at": 19_000,  # 180 of the last 200
        "success": 1.0,
        "commit": 12 * "a" + "+",
        "seconds": 60.0,
    }
    never = LoadedRun(Path(), settings, columns | {"episode/return": np.full(30, 0.89)})
    told = script("collect_key_door").told(never)
    assert (told["solved_at"], told["success"]) == (None, 0.89)


def test_a_line_names_the_world_though_no_axis_does(script: Script) -> None:
    default = AttentionConfig()
    settings = {
        "world.animate": default.animate.name,
        "world.company": default.company.name,
    }
    run = LoadedRun(Path(), settings, {})
    named = script("collect_attention").named
    assert named(run, "animate") == default.animate.value
    assert named(run, "company") == default.company.value
