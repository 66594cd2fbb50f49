"""The page of AtariARI has the tables of the cells that were run."""

import json

from tests.scripts import DOCS, script


def test_the_page_has_the_tables_of_all_cells() -> None:
    atari_ari = script("atari_ari")
    lines = atari_ari.read()
    cells = {(x["game"], x["arm"], x["seed"]) for x in lines}
    assert len(cells) == len(lines) == 3 * 9 * 2
    assert not atari_ari.cells(atari_ari.GAMES, atari_ari.NAMES, (42, 43), lines)
    page = (DOCS / "atariari.md").read_text("utf-8")
    for table in (atari_ari.table(lines), atari_ari.by_category(lines)):
        assert "\n".join(table) in page


def test_what_the_page_says_of_pong_is_in_the_lines() -> None:
    """ST-DIM is .15 above a random CNN."""
    text = (DOCS / "results" / "atari_ari.jsonl").read_text("utf-8")
    pong = [x for x in map(json.loads, text.splitlines()) if x["game"] == "pong"]
    f1 = {
        arm: sum(x["f1"] for x in pong if x["arm"] == arm) / 2
        for arm in ("st-dim", "random")
    }
    assert f1["st-dim"] - f1["random"] > 0.15
