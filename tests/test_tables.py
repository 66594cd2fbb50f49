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
    rows = [*tables.fashion(), *tables.fashion("fashion_patches.jsonl")]
    assert [x for x in page if x.startswith("| `")] == rows


def test_key_door(tables: Any) -> None:
    page = (ROOT / "README.md").read_text().splitlines()
    assert [x for x in page if x.startswith("| PPO")] == list(tables.key_door(100))


def test_benchmark(tables: Any) -> None:
    page = (ROOT / "docs/benchmarks.md").read_text().splitlines()
    rows = list(tables.benchmark())
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows


def test_signal_costs(tables: Any) -> None:
    page = (ROOT / "docs/benchmarks.md").read_text().splitlines()
    rows = list(tables.signal_costs())
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows


def test_method_costs(tables: Any) -> None:
    page = (ROOT / "docs/benchmarks.md").read_text().splitlines()
    rows = list(tables.method_costs())
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows


def test_noise(tables: Any) -> None:
    page = (ROOT / "docs/noise.md").read_text().splitlines()
    at = 0
    for rows in tables.noise_pages():
        begin = page.index(rows[2], at)  # behind the line of names and that of dashes
        assert page[begin - 2 : begin - 2 + len(rows)] == rows
        at = begin + len(rows) - 2


def test_noise_says_what_the_page_says(tables: Any) -> None:
    """Medians over seeds, beside those of the random encoder."""
    predicted = "probe/place/predicted_rmse"

    def share(model: str, noise: str) -> float:
        random = tables.noise_median(predicted, "random", noise)
        found: float = tables.noise_median(predicted, model, noise) / random
        return found

    changing = ("changing-uniform", "changing-structured")
    fixed = ("fixed-uniform", "fixed-structured")
    assert tables.noise_median(predicted, "vicreg", "none") < 1.2
    for noise in changing:
        assert all(share(x, noise) <= 0.25 for x in ("vicreg", "simclr", "sigreg"))
        assert share("byol", noise) <= 0.5
    for noise in fixed:
        for model in ("vicreg", "simclr"):
            assert share(model, noise) >= 0.9
            assert tables.noise_median("background_share", model, noise) > 0.9
        assert tables.noise_median("background_share", "inverse-dynamics", noise) < 0.2
    assert all(share("supervised", x) <= 0.2 for x in (*changing, *fixed))
    assert share("inverse-dynamics", "fixed-uniform") <= 0.35
    ways_out = {
        "inverse-dynamics": 0.3,
        "vicreg-inverse": 0.3,
        "simclr-time": 0.33,
        "vicreg-temporal": 0.3,
        "vicreg-change": 0.2,
    }
    for model, most in ways_out.items():
        assert share(model, "fixed-structured") <= most, model


def test_velocity(tables: Any) -> None:
    page = (ROOT / "docs/noise.md").read_text().splitlines()
    rows = list(tables.velocity())
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows
    for x in tables.results("velocity.jsonl"):
        what = tables.SEES[x["sees"]][1]
        moves = x[f"probe/displacement/{what}_r2"]
        assert x[f"probe/place/{what}_r2"] >= 0.9
        least, most = {
            "one-frame": (0.0, 0.2),
            "three-frames": (0.7, 1.0),
            "memory": (0.6, 1.0),
        }[x["sees"]]
        assert least < moves < most


def test_maze(tables: Any) -> None:
    page = (ROOT / "docs/maze_models.md").read_text().splitlines()
    rows = list(tables.maze())
    begin = page.index(rows[0])
    assert page[begin : begin + len(rows)] == rows
