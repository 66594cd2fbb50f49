"""The page on perceptual rewards has the table of its results, and says what is so."""

import json
from collections.abc import Collection
from typing import Any

import pytest

from tests.scripts import DOCS, script

ROWS: list[dict[str, Any]] = [
    json.loads(x)
    for x in (DOCS / "results" / "perceptual_steps.jsonl").read_text().splitlines()
]
PAGE = (DOCS / "perceptual_rewards.md").read_text("utf-8")


def test_the_page_has_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    script("perceptual_steps").table(ROWS)
    assert capsys.readouterr().out in PAGE


def test_what_was_measured_is_complete() -> None:
    steps = script("perceptual_steps")
    kinds = {(x["task"], x["encoder"], x["method"], x["seed"]) for x in ROWS}
    assert len(kinds) == len(ROWS) == 2 * len(steps.TASKS) * 5 * len(steps.SEEDS)


def above_chance(tasks: Collection[str], labels: bool) -> list[int]:
    """In percentage points, of each task and encoder, the mean over seeds."""
    above: dict[tuple[str, str], list[float]] = {}
    for row in ROWS:
        told = "supervised" in row["encoder"]
        if row["method"] == "ours" and row["task"] in tasks and told <= labels:
            key = row["task"], row["encoder"]
            above.setdefault(key, []).append(row["steps"] - row["chance"])
    return [round(100 * sum(x) / len(x)) for x in above.values()]


def test_steps_are_found_as_far_above_chance_as_it_says() -> None:
    tasks = list(script("perceptual_steps").TASKS)
    flat = above_chance(tasks[:4], labels=True)
    assert f"found {min(flat)} to {max(flat)} points above chance" in PAGE
    rooms, push, carry = (above_chance([x], labels=False) for x in tasks[4:])
    assert f"{min(rooms)} to {max(rooms)} points above chance\n  without labels" in PAGE
    assert f"(hard.md): {min(carry)} to {max(carry)}\n  points, 20 with" in PAGE
    assert f"(hard.md): {min(push)} to {max(push)}, and" in PAGE


def test_the_page_has_what_agents_came_to() -> None:
    file = DOCS / "results" / "learned_rewards.jsonl"
    lines = [json.loads(x) for x in file.read_text("utf-8").splitlines()]
    assert len({(x["signal"], x["seed"]) for x in lines}) == len(lines) == 11 * 3
    assert {x["seed"] for x in lines} == {60, 61, 62}
    assert "\n".join(script("collect_sparse").table(lines)) in PAGE


def test_its_script_measures_what_it_says() -> None:
    """One task and encoder again, by the script itself."""
    steps = script("perceptual_steps")
    world, facts, number = steps.TASKS["key-door, 3 steps"]
    demos = steps.demonstrations(world, facts, number, 1)
    config = steps.PerceptualRewardConfig(number)
    encoder = steps.UNTRAINED["pixels"].build(demos[0].frames.shape[1:])
    told = steps.measured(config, encoder, demos)
    [row] = [
        x
        for x in ROWS
        if (x["task"], x["encoder"], x["method"], x["seed"])
        == ("key-door, 3 steps", "pixels", "ours", 1)
    ]
    for name, value in told.items():
        assert value == pytest.approx(row[name], abs=0.02)
