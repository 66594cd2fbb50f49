"""Steps beside lightly's: the page has what was measured, and ours are steps."""

import json
from typing import Any

import pytest

from tests.scripts import DOCS, script

TOLD = json.loads((DOCS / "results" / "compare_method_steps.json").read_text("utf-8"))


def test_the_page_has_the_table() -> None:
    page = (DOCS / "benchmarks.md").read_text("utf-8")
    assert "\n".join(script("compare_method_steps").table(TOLD["methods"])) in page


def test_both_train_as_many_numbers() -> None:
    assert {x["method"] for x in TOLD["methods"]} == set(steps().METHODS)
    for x in TOLD["methods"]:
        ours, theirs = (x[who]["parameters"] for who in ("ours", "lightly's"))
        assert ours == steps().ours(x["method"]).num_parameters
        assert abs(ours - theirs) < 0.01 * theirs


@pytest.mark.parametrize("name", ["moco-v2", "dino", "i-jepa"])
def test_a_step_has_gradients_and_is_counted(name: str) -> None:
    arm = steps().ours(name)
    arm.drawn = arm.drawn._replace(images=tuple(x[:8] for x in arm.drawn.images))
    arm.row = arm.row[:8]
    arm.extra = {key: x[:8] for key, x in arm.extra.items()}
    arm.update()
    assert all(x.grad is not None for x in arm.branches.encoder.body.parameters())
    assert arm.branches.counter.steps == 1


def steps() -> Any:
    """`docs/peers/method_steps.py`."""
    return script("peers.method_steps")
