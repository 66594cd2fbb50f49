"""docs/probing.md: its library example runs, and its tables name what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

from world_models.probing.diagnostics import DIAGNOSTICS
from world_models.probing.findings import Findings

PAGE = (Path(__file__).parents[1] / "docs" / "probing.md").read_text("utf-8")


def example() -> str:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    [text] = [x for x in blocks if "probe_latents" in x]
    return str(text)


def test_the_library_example_is_of_ten_lines_and_finds_something(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = [x for x in example().splitlines() if x.strip()]
    assert len(lines) <= 10
    made: dict[str, Any] = {}
    exec(
        compile("import torch; torch.manual_seed(0)\n" + example(), "page", "exec"),
        made,
    )
    found = made["found"]
    assert isinstance(found, Findings)
    ridge, mean = (found.score("bright", "rmse", x) for x in ("ridge", "mean"))
    assert ridge.high is not None
    assert mean.low is not None
    assert ridge.high < mean.low
    softmax, majority = (found.score("lit", "f1", x) for x in ("softmax", "majority"))
    assert softmax.low is not None
    assert majority.high is not None
    assert softmax.low > majority.high
    assert capsys.readouterr().out.count("Score(") == 2


def test_every_diagnostic_is_on_the_page() -> None:
    section = PAGE.split("## Diagnostics without labels")[1].split("\n## ")[0]
    assert set(DIAGNOSTICS) <= set(re.findall(r"`(\w+)`", section))
