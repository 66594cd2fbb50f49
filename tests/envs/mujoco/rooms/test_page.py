"""What docs/rooms.md says of flags and facts is so, and its film can be drawn."""

import re
from dataclasses import fields, replace
from pathlib import Path

from envs.mujoco.rooms.config import RoomsConfig
from tests.envs.mujoco.rooms.played import BLIND
from tests.scripts import script

PAGE = (Path(__file__).parents[4] / "docs" / "rooms.md").read_text("utf-8")


def test_all_flags_are_on_the_page() -> None:
    told = set(re.findall(r"`--world\.([a-z-]+)`", PAGE))
    assert told == {x.name.replace("_", "-") for x in fields(RoomsConfig)}


def test_all_facts_are_on_the_page() -> None:
    table = PAGE[PAGE.index("| fact |") :].split("\n\n")[0]
    told = set(re.findall(r"`([a-z_]+)`(?: \[|, | \|)", table))
    config = replace(
        BLIND, pixels=8, layouts=2, depth=True, segmentation=True, overview=True
    )
    assert set(config.build(1, "cpu").spec.facts) <= told


def test_the_guides_walk_ends_at_the_goal() -> None:
    figure = script("rooms_figure")
    frames = figure.walked()
    assert 50 < len(frames) < figure.MOST
    assert frames[0].shape == (3, 160, 320)
