from pathlib import Path
from typing import Any

import pytest

from experiments.sweep.cell import expand
from experiments.sweep.changes import changed_grid, grid_text
from experiments.sweep.grid import Grid, read_grid
from ssl_objectives.refusal import ConfigError

GRID = Grid(
    arguments=("--size", "debug"),
    axes={
        "world": {"door": ("--world", "key-door"), "maze": ("--world", "pixel-maze")},
        "signal": {"byol": ("byol-explore",), "rnd": ("rnd",)},
    },
    seeds=(3, 1),
    exclude=({"world": ("maze",), "signal": ("rnd",)},),
)


def names(grid: Grid) -> list[str]:
    return [x.name for x in grid.combinations()]


def test_only_some_values() -> None:
    part = changed_grid(GRID, ["signal=byol"], seeds=[7])
    assert names(part) == ["door+byol", "maze+byol"]
    assert part.seeds == (7,)
    assert names(changed_grid(GRID, ["world=door", "signal=rnd,byol"])) == [
        "door+byol",
        "door+rnd",
    ]


def test_values_of_ones_own_are_run_as_they_are_typed() -> None:
    said = "signal.mine=ppo --curiosity none --agent.extrinsic.weight 2"
    grown = changed_grid(GRID, ["signal=mine", "world=maze"], [said])
    (only,) = grown.combinations()
    assert only.name == "maze+mine"
    assert [x.name for x in expand(grown)] == ["maze+mine+s3", "maze+mine+s1"]
    assert only.arguments[0] == "ppo"
    assert only.arguments[-2:] == ("--agent.extrinsic.weight", "2")
    assert "mine" not in GRID.axes["signal"]


def test_an_exclusion_stays_unless_its_values_are_gone() -> None:
    assert names(changed_grid(GRID, ["world=maze"])) == ["maze+byol"]
    door = changed_grid(GRID, ["world=door"])
    assert names(door) == ["door+byol", "door+rnd"]
    assert door.exclude == ()


def test_a_changed_grid_is_read_back_as_it_is(tmp_path: Path) -> None:
    said = ["signal.mine=ppo --curiosity 'my \"own\" \\ part:Ü'"]
    for grid in (GRID, changed_grid(GRID, ["world=maze"], said, [5])):
        file = tmp_path / "grid.toml"
        file.write_text(grid_text(grid), "utf-8")
        assert read_grid(file) == grid


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"only": ["signals=rnd"]}, "no axis 'signals'. Did you mean 'signal'"),
        ({"only": ["signal=rdn"]}, "no 'rdn' on the axis 'signal'"),
        ({"only": ["signal"]}, "AXIS=NAME"),
        ({"add": ["signal=rnd"]}, "AXIS.NAME=ARGUMENTS"),
        ({"add": ["signal.rnd=ppo"]}, "'rnd' is on the axis 'signal' already"),
        ({"add": ["signal.a/b=ppo"]}, "part of a folder's name"),
        ({"add": ["signal.a=ppo 'x"]}, "No closing quotation"),
        ({"seeds": [1, 1]}, "different whole numbers"),
    ],
)
def test_what_cannot_be_changed_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("(", r"\(")):
        changed_grid(GRID, **changes)
