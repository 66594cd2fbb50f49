"""The page on perceptual rewards has the table of its results, and says what is so."""

import json
from collections.abc import Mapping
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
    assert (
        len(kinds)
        == len(ROWS)
        == 2 * len(steps.TASKS) * len(steps.ENCODERS) * len(steps.SEEDS)
    )


def above_chance(task: str, what: str = "steps") -> dict[str, int]:
    """In percentage points, of each encoder, the mean over seeds."""
    above: dict[str, list[float]] = {}
    for row in ROWS:
        if (row["method"], row["task"]) == ("ours", task):
            above.setdefault(row["encoder"], []).append(row[what] - row["chance"])
    return {name: round(100 * sum(x) / len(x)) for name, x in above.items()}


def test_steps_are_found_as_far_above_chance_as_it_says() -> None:
    steps = script("perceptual_steps")
    *flat, rooms, push, carry = steps.TASKS
    found = [x for task in flat for x in above_chance(task).values()]
    assert f"found {min(found)} to {max(found)} points above chance" in PAGE

    cut, followed = above_chance(rooms), above_chance(rooms, "followed")
    labels = [x.pop(steps.SUPERVISED) for x in (cut, followed)]
    assert f"{span(cut)} points above chance without labels" in PAGE
    assert f"others looked {span(followed)}; labels {labels[0]} and {labels[1]}" in PAGE

    pushed = above_chance(push)
    shifted, successive = (pushed.pop(x) for x in steps.VIEWS)
    labels = [pushed.pop(steps.SUPERVISED)]
    assert f"frames finds {successive} points above" in PAGE
    assert f"of shifted ones {shifted}, untrained encoders {span(pushed)}" in PAGE
    assert f"{span(pushed)}, labels {labels[0]}" in PAGE

    cut, followed = above_chance(carry), above_chance(carry, "followed")
    labels = [x.pop(steps.SUPERVISED) for x in (cut, followed)]
    told = f"{span(cut)} points by the cut, {labels[0]} with labels; followed it is "
    assert told + f"{span(followed)}, and {labels[1]} with labels" in PAGE


def span(points: Mapping[str, int]) -> str:
    return f"{min(points.values())} to {max(points.values())}"


def test_one_self_supervised_encoder_finds_the_steps_of_every_task() -> None:
    """By one of the two ways, 20 points above chance of two steps, and 6 of three."""
    steps = script("perceptual_steps")
    for task, (_, _, number) in steps.TASKS.items():
        name = "nature, VICReg of successive frames"
        ways = [above_chance(task, x)[name] for x in ("steps", "followed")]
        assert max(ways) >= (20 if number == 2 else 6)


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
