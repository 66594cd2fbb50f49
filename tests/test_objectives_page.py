"""The page about objectives says what is there, and its example works."""

import json
import re
from pathlib import Path
from typing import Any

import torch

from ssl_objectives.check.objective import check_objective
from ssl_objectives.encoders.small_cnn import SmallCnnConfig
from ssl_objectives.method import Method
from ssl_objectives.objective import Sizes
from ssl_objectives.zoo import FAMILIES, ZOO
from tests.scripts import DOCS, script

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "objectives.md").read_text("utf-8")


def test_every_method_has_its_row_in_its_family() -> None:
    sections = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    assert len(sections) == len(FAMILIES)
    for section, (family, methods) in zip(sections, FAMILIES.items(), strict=True):
        assert section.lower().startswith(family)
        rows = [x for x in section.splitlines() if x.startswith("| `")]
        named = {
            name for row in rows for name in re.findall("`(.+?)`", row.split("|")[1])
        }
        assert named == set(methods)


def test_losses_and_gradients_are_those_of_public_code() -> None:
    told = json.loads((DOCS / "results" / "compare_methods.json").read_text("utf-8"))
    assert "\n".join(script("compare_recipes").table(told["methods"])) in PAGE
    assert told["methods"]
    assert all(x["apart"] < 1e-5 for x in told["methods"])


def test_files_that_it_names_exist() -> None:
    named = re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?|[a-z_]+\.py)", PAGE)
    assert len(named) > 30
    roots = (ROOT, ROOT / "ssl_objectives")
    missing = [x for x in named if not any((root / x).exists() for root in roots)]
    assert not missing


def test_the_invented_combination_keeps_the_contract_and_trains() -> None:
    [code] = re.findall("```python\n(.*?)```", PAGE, flags=re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)  # what a reader would copy
    method: Method = made["method"]
    check_objective(method.objective.build)
    assert type(method.objective) not in {type(x.objective) for x in ZOO.values()}
    encoder = SmallCnnConfig(8, (4, 6)).build((1, 12, 14))
    branches = method.build(encoder, Sizes(8, steps=4))
    images = [torch.randint(256, (9, 1, 12, 14)).byte() for _ in range(2)]
    optimizer = torch.optim.AdamW(branches.parameters(), 1e-2)
    before = [p.clone() for p in encoder.parameters()]
    loss, _ = branches.loss(images)
    loss.backward()
    optimizer.step()
    branches.after_update()
    moved = [
        not torch.equal(p, q) for p, q in zip(before, encoder.parameters(), strict=True)
    ]
    assert any(moved)
    assert loss.isfinite()
