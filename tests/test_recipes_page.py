"""What docs/recipes.md says of public implementations beside ours: as measured."""

import json
import re
import shlex
from pathlib import Path

import pytest

from experiments.pretrain.command import COMMAND
from ssl_objectives.recipes import RECIPES
from tests.scripts import DOCS, script

TOLD = json.loads((DOCS / "results" / "compare_recipes.json").read_text("utf-8"))
PAGE = (DOCS / "recipes.md").read_text("utf-8")


@pytest.mark.parametrize("kind", ["optimizers", "networks"])
def test_the_page_has_the_tables(kind: str) -> None:
    assert "\n".join(script("compare_recipes").table(TOLD[kind])) in PAGE


def test_trajectories_and_networks_are_the_public_ones() -> None:
    assert {x["ours"] for x in TOLD["optimizers"]} == {"LARS", "SGD", "AdamW", "rates"}
    assert all(x["apart"] < 1e-6 for x in TOLD["optimizers"])
    assert {x["ours"] for x in TOLD["networks"]} >= {"ResNet-18", "ResNet-50"}
    assert all(x["apart"] < 1e-5 for x in TOLD["networks"])


def test_every_recipe_is_on_the_page() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (ImageNet|CIFAR-10) \|", PAGE, re.M)
    each = {"ImageNet": "imagenet", "CIFAR-10": "cifar10"}
    known = [(name, images) for images, x in RECIPES.items() for name in x]
    assert sorted((name, each[x]) for name, x in rows) == sorted(known)


def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S):
        exec(compile(block, "recipes.md", "exec"), namespace)
    assert {x.name for x in tmp_path.iterdir()} == {
        "encoder.safetensors",
        "encoder.pt2",
    }


def test_the_commands_are_read() -> None:
    lines = re.findall(r"^curious pretrain (.*)$", PAGE, re.M)
    assert len(lines) >= 5
    for line in lines:
        assert COMMAND.read(shlex.split(line, comments=True)).steps > 0
