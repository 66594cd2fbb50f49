"""The tables of eyes for an agent: how they are laid out, and that a page has them."""

import json
from typing import Any

from tests.scripts import DOCS, script

RESULTS = DOCS / "results" / "eyes.jsonl"


def agent(eyes: str, seed: int, solved: int | None) -> dict[str, Any]:
    return {"eyes": eyes, "seed": seed, "solved_at": solved, "steps": solved or 50_000}


def encoder(name: str, seed: int, acted: float) -> dict[str, Any]:
    return {"encoder": name, "seed": seed, "acted": acted, "rewarded": 0.5}


LINES = [
    *(agent("scratch", s, 9_000 + s) for s in (1, 2)),
    *(agent("good", s, 4_000) for s in (1, 2)),
    agent("bad", 1, None),
    agent("bad", 2, 40_000),
    agent("middle", 1, 20_000),
    *(encoder("good", s, 0.6 + s / 10) for s in (1, 2)),
    encoder("bad", 1, 0.1),
    encoder("bad", 2, 0.2),
    encoder("middle", 1, 0.4),
]


def test_who_solves_it_soonest_comes_first() -> None:
    assert list(script("collect_eyes").table(LINES)) == [
        "| eyes | solved | seed 1 | seed 2 | acted | rewarded |",
        "|---|---|---|---|---|---|",
        "| good | 2 of 2 | 4,000 | 4,000 | 0.750 | 0.500 |",
        "| scratch | 2 of 2 | 9,001 | 9,002 | – | – |",
        "| middle | 1 of 1 | 20,000 | not run | 0.400 | 0.500 |",
        "| bad | 1 of 2 | – | 40,000 | 0.150 | 0.500 |",
    ]


def test_the_rank_of_what_is_read_is_compared_with_who_is_soon() -> None:
    correlation = script("collect_eyes").correlation
    assert correlation(LINES, "acted") > 0.9
    assert correlation(LINES, "rewarded") == 0.0  # all the same
    turned = [x | {"acted": -x["acted"]} if "encoder" in x else x for x in LINES]
    assert correlation(turned, "acted") < -0.9
    assert correlation(LINES[:4], "acted") is None


def test_the_page_has_the_table_of_the_runs_that_were_made() -> None:
    lines = [json.loads(x) for x in RESULTS.read_text("utf-8").splitlines()]
    keys = [(x.get("eyes"), x.get("encoder"), x["seed"]) for x in lines]
    assert len(set(keys)) == len(keys)
    assert {x["seed"] for x in lines} <= {60, 61, 62}
    page = (DOCS / "eyes.md").read_text("utf-8").splitlines()
    rows = list(script("collect_eyes").table(lines))
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows


KRULL = [
    *(
        {"eyes": "good", "seed": s, "returned": 300.0, "at_random": 100.0}
        for s in (1, 2)
    ),
    {"eyes": "bad", "seed": 2, "returned": 1_150.0, "at_random": 4_000.0},
    {"eyes": "bad", "seed": 1, "returned": -950.0, "at_random": -3_600.0},
    encoder("bad", 1, 0.25),
    encoder("bad", 2, 0.5),
]


def test_in_a_game_who_returns_most_comes_first() -> None:
    assert list(script("collect_eyes_krull").table(KRULL)) == [
        "| eyes | seed 1 | seed 2 | mean | x random play | acted | rewarded |",
        "|---|---|---|---|---|---|---|",
        "| good | 300 | 300 | 300 | 3.00 | – | – |",
        "| bad | -950 | 1,150 | 100 | 0.50 | 0.375 | 0.500 |",
    ]


def test_the_page_has_what_came_in_krull() -> None:
    file = DOCS / "results" / "eyes_krull.jsonl"
    lines = [json.loads(x) for x in file.read_text("utf-8").splitlines()]
    keys = [(x.get("eyes"), x.get("encoder"), x["seed"]) for x in lines]
    assert len(set(keys)) == len(keys) == 3 * (4 + 2)
    assert {x["seed"] for x in lines} == {60, 61, 62}
    rows = list(script("collect_eyes_krull").table(lines))
    assert "\n".join(rows) in (DOCS / "eyes.md").read_text("utf-8")
    by_seed = {(x["eyes"], x["seed"]): x for x in lines if "eyes" in x}
    for seed in (60, 61, 62):
        scratch, random = by_seed["scratch", seed], by_seed["random", seed]
        assert scratch["returned"] > 1.5 * scratch["at_random"]
        for eyes in ("vicreg", "atc"):
            assert by_seed[eyes, seed]["returned"] < random["returned"]
