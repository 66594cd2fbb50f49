"""Tours run as they stand, and print what they say that they print."""

import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch

TOURS = Path(__file__).parents[1] / "docs" / "tours"
NUMBER = re.compile(r"-?\d[\d,.]*")


@dataclass
class Toured:
    """What came of a tour: its names, and what it printed beside what the page says."""

    names: Mapping[str, Any]
    printed: list[str] = field(default_factory=list)
    promised: list[str] = field(default_factory=list)


def toured(page: str) -> Toured:
    text = (TOURS / page).read_text("utf-8")
    names: dict[str, Any] = {}
    tour, said = Toured(names), ""
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", text, re.M | re.S):
        if language == "python":
            with redirect_stdout(StringIO()) as out:
                exec(compile(block, page, "exec"), names)
            said = out.getvalue()
        elif language == "text":
            tour.printed.append(NUMBER.sub("N", said))
            tour.promised.append(NUMBER.sub("N", block))
    return tour


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    torch.set_num_threads(1)


@pytest.mark.slow
def test_pretraining_beats_no_training() -> None:
    tour = toured("pretrain.md")
    assert tour.printed == tour.promised
    accuracy = tour.names["accuracy"]
    assert accuracy["pretrained"] > accuracy["untrained"] + 0.01
    assert Path("views.png").exists()
    assert Path("neighbours.png").exists()


@pytest.mark.slow
def test_a_model_knows_the_place_and_reaches_goals() -> None:
    tour = toured("world_model.md")
    assert tour.printed == tour.promised
    error, success = tour.names["error"], tour.names["success"]
    assert error["trained", "predicted"] < 0.7 * error["untrained", "predicted"]
    assert success["plans"] > 2 * success["at random"]


@pytest.mark.slow
def test_a_diver_that_counts_finds_the_chest() -> None:
    tour = toured("curious_loop.md")
    assert tour.printed == tour.promised
    assert tour.names["alone"].max() < 0.05
    assert tour.names["counted"][-50:].mean() > 0.6


def test_every_tour_is_run_and_none_is_lost() -> None:
    pages = {x.name for x in TOURS.glob("*.md")}
    assert pages == {"pretrain.md", "world_model.md", "curious_loop.md"}
    readme = (TOURS.parents[1] / "README.md").read_text("utf-8")
    assert all(f"docs/tours/{x}" in readme for x in pages)
