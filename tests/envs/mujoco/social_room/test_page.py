"""The Python of docs/social_room.md runs as it stands; the figure's rooms exist."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.scripts import script

PAGE = (Path(__file__).parents[4] / "docs" / "social_room.md").read_text("utf-8")


def test_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    made: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S):
        exec(compile(block, "social_room.md", "exec"), made)
    assert "torch.Size([4, 3, 32, 32])" in capsys.readouterr().out
    env = made["env"]
    rows = [env.reset(seed=0)]
    for _ in range(80):
        rows.append(env.step(torch.zeros(4, dtype=torch.int64)))
    ends = torch.stack([x.terminated for x in rows])
    assert ends.any(0).all(), "a ball never came down"
    fallen = torch.stack([x.reward for x in rows])[ends]
    assert ((fallen > 0.7) & (fallen < 2)).all()


def test_lines_of_the_figure_are_groups() -> None:
    figure = script("social_room_figure")
    for name, animate, group in figure.LINES:
        config = figure.SocialRoomConfig(animate)
        assert config.parts[group] == name
