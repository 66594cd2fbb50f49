"""What docs/sb3.md says of runs with SB3's DQN and PPO: as it was measured."""

import json

from tests.scripts import DOCS, script

LINES = [
    json.loads(x)
    for x in (DOCS / "results" / "sb3_attention.jsonl").read_text("utf-8").splitlines()
]


def test_shares_are_means_behind_the_first_quarter() -> None:
    seen = [0.9, 0.9, 0.1, 0.3, 0.1, 0.3, 0.1, 0.3]
    shares = {"reaching": seen, "noise": [0.0] * 8}
    shares |= {"noise-2": [1.0, 1.0] + [0.5] * 6, "noise-3": [0.25] * 8}
    rows = list(script("sb3_attention").table([{"seed": 7, "shares": shares}]))
    assert rows[2:] == [
        "| 7 | 0.20 | 0.75 | 0.00, 0.50, 0.25 |",
        "| mean | 0.20 | 0.75 | 0.00, 0.50, 0.25 |",
    ]


def test_the_page_has_the_table() -> None:
    assert sorted(x["seed"] for x in LINES) == [200, 201, 202, 203, 204]
    assert {x["steps"] for x in LINES} == {script("sb3_attention").BUDGET}
    page = (DOCS / "sb3.md").read_text("utf-8").splitlines()
    rows = list(script("sb3_attention").table(LINES))
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows


def test_who_opens_the_door() -> None:
    file = DOCS / "results" / "sb3_key_door.jsonl"
    lines = [json.loads(x) for x in file.read_text("utf-8").splitlines()]
    runs = {(x["arm"], x["seed"]): x for x in lines}
    assert set(runs) == {(x, y) for x in ("ppo", "ppo-rnd") for y in range(40, 45)}
    assert len(lines) == len(runs)
    for run in lines:
        budget_spent = run["steps"] >= script("sb3_key_door").BUDGET
        assert budget_spent is (run["solved_at"] is None)
        assert (run["success"] >= script("sb3_key_door").SOLVED) is not budget_spent
    page = (DOCS / "sb3.md").read_text("utf-8")
    assert "\n".join(script("sb3_key_door").table(lines)) in page
