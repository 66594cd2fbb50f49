"""The Python of docs/noise_worlds.md runs as it stands."""

import re
from pathlib import Path
from typing import Any

import torch

from envs.noise.config import NoisyConfig
from envs.tiles.key_door import KeyDoorConfig

PAGE = (Path(__file__).parents[3] / "docs" / "noise_worlds.md").read_text("utf-8")


def test_the_page_runs() -> None:
    made: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S):
        exec(compile(block, "noise_worlds.md", "exec"), made)
    row = made["env"].reset(seed=0)
    assert {"noise", "stuck", "room"} <= set(row.facts)
    stormy = NoisyConfig(KeyDoorConfig(), made["Storm"]()).build(40, "cpu")
    stormy.reset(seed=0)
    fresh = stormy.step(torch.zeros(40, dtype=torch.int64)).facts["noise"]
    assert 5 < fresh.sum() < 35
