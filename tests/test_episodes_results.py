"""Tables of what episodes came to: how they are gathered, and that pages have them."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.report.runs import LoadedRun, Value
from tests.scripts import DOCS, script

LINES = [
    {"tv": "off", "signal": "random", "seed": 1, "n": [1.0, 3.0, None, 2.0]},
    {"tv": "off", "signal": "random", "seed": 0, "n": [2.0, 1.0, 1.0, 1.0]},
    {"tv": "off", "signal": "rnd", "seed": 0, "n": [4.0, 6.0, 5.0, None]},
    {"tv": "on", "signal": "rnd", "seed": 0, "n": [0.5, 0.5, 0.5, 0.25]},
]
PUBLISHED = {
    "rooms": ("rooms.md", "tally/rooms", "random"),
}


def test_arms_are_compared_with_one_of_the_same_world() -> None:
    rows = list(script("collect_episodes").table(LINES, "n", "random"))
    assert rows[0].startswith("| tv | signal | best eighth, by seed | mean | × | last")
    assert rows[2:] == [
        "| off | random | 2.00, 3.00 | 2.50 | 1.00 | 1.00, 2.00 | 1.50 | 1.00 |",
        "| off | rnd | 6.00 | 6.00 | 2.40 | 5.00 | 5.00 | 3.33 |",
        "| on | rnd | 0.50 | 0.50 | - | 0.25 | 0.25 | - |",
    ]


@pytest.mark.parametrize("name", PUBLISHED)
def test_pages_have_the_table_of_the_lines_that_are_kept(name: str) -> None:
    page, metric, base = PUBLISHED[name]
    kept = (DOCS / "results" / f"{name}.jsonl").read_text("utf-8").splitlines()
    lines = [json.loads(x) for x in kept]
    rows = list(script("collect_episodes").table(lines, metric, base))
    assert "\n".join(rows) in (DOCS / page).read_text("utf-8")


READING = {"arm": "probed", "labels": "true", "ahead": None, "layer": "believed"}


def reading(fact: str, value: float, **other: object) -> dict[str, object]:
    score = {"value": value, "low": value - 0.1, "high": value + 0.1}
    scores = {"r2": score, "f1": score}
    return {**READING, "fact": fact, "probe": "ridge", "scores": scores, **other}


def test_what_probes_read_is_told_of_all_steps_ahead_and_all_things() -> None:
    found = script("collect_state_probe").read(
        [
            reading("place", 0.9),
            reading("place", 0.1, ahead=3),
            reading("place", 0.2, arm="random weights"),
            reading("place", 0.3, labels="shuffled"),
            reading("place", 0.4, probe="mean"),
            reading("to_boxes.0", 0.5),
            reading("to_boxes.1", 0.7),
            reading("room", 0.8, probe="softmax", layer="predicted"),
        ]
    )
    assert found == {
        "place, believed": [0.9, 0.8, 1.0],
        "to_boxes, believed": [0.6],
        "room, predicted": [0.8, 0.7, 0.9],
    }


def test_the_page_of_rooms_has_what_was_read_off_models() -> None:
    kept = (DOCS / "results" / "rooms_models.jsonl").read_text("utf-8").splitlines()
    rows = list(script("collect_state_probe").table([json.loads(x) for x in kept]))
    assert "\n".join(rows) in (DOCS / "rooms.md").read_text("utf-8")


def test_the_page_of_hard_tasks_has_what_cloning_came_to() -> None:
    kept = (DOCS / "results" / "carry.jsonl").read_text("utf-8").splitlines()
    page = (DOCS / "hard.md").read_text("utf-8")
    told = {(x["begins"], x["seed"]): x for x in map(json.loads, kept)}
    for seed in (50, 51, 52):
        taught, untaught = told["cloned", seed], told["untaught", seed]
        first, *_ = taught["imitation/return"]
        last, never = (x["evaluate/return_mean"][-1] for x in (taught, untaught))
        assert f"| {seed} | {first:.2f} | {last:.2f} | {never:.2f} | 0.00 |" in page


def test_finds_are_counted_by_rollouts() -> None:
    steps = 100 * np.arange(1, 9)
    columns = {
        "steps": steps,
        "wall_time": steps / 10,
        "tally/found": np.array([0, np.nan, 1.0, 0, 0.5, 0, np.nan, 0.25]),
    }
    settings: dict[str, Value] = {"env_steps": 800, "versions.git.commit": 40 * "b"}
    run = LoadedRun(Path(), settings, columns)
    found = script("collect_found").told(run, "tally/found")
    assert {k: found[k] for k in ("ends", "found", "first", "late")} == {
        "ends": 6,
        "found": 3,
        "first": 300,
        "late": 1,
    }


def test_the_page_of_my_way_home_has_who_found_the_vest() -> None:
    kept = (DOCS / "results" / "my_way_home.jsonl").read_text("utf-8").splitlines()
    rows = list(script("collect_found").table([json.loads(x) for x in kept], "agent"))
    assert "\n".join(rows) in (DOCS / "doom.md").read_text("utf-8")
