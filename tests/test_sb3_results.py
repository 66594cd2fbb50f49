"""What docs/sb3.md says of the run with SB3's DQN: as it was measured."""

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
