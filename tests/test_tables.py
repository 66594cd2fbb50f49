"""The tables of the docs are the files of results beside them."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tables() -> Any:
    """`docs/tables.py`."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs/tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_fashion_mnist(tables: Any) -> None:
    page = (ROOT / "docs/fashion_mnist.md").read_text().splitlines()
    assert [x for x in page if x.startswith("| `")] == list(tables.fashion())


def test_key_door(tables: Any) -> None:
    page = (ROOT / "README.md").read_text().splitlines()
    assert [x for x in page if x.startswith("| PPO")] == list(tables.key_door(100))


def test_benchmark(tables: Any) -> None:
    page = (ROOT / "docs/benchmarks.md").read_text().splitlines()
    rows = list(tables.benchmark())
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows
