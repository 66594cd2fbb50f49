"""What docs/recipes.md says of public implementations beside ours: as measured."""

import json
import re

import pytest

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
