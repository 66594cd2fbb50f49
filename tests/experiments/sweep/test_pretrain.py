"""`command = "pretrain"` in a grid."""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments.runs.folder import RunFolder
from experiments.sweep.cell import Cell, expand
from experiments.sweep.cell_run import find_run
from experiments.sweep.folder import State, SweepFolder
from experiments.sweep.grid import read_grid
from experiments.sweep.swept_commands import swept_command
from experiments.sweep.worker import run_cell
from ssl_objectives.refusal import ConfigError

Command = Callable[..., Any]
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"

GRID = """
command = "pretrain"
arguments = "--size debug --steps 2 --batch-size 8 --no-tensorboard"
seeds = 2

[axes.method]
byol = "byol --probe.num-mapped 0"
vicreg = "vicreg --probe.num-mapped 0"
"""


def sweep_of(folder: Path, text: str = GRID) -> tuple[SweepFolder, list[Cell]]:
    """A sweep whose cells have been listed, but not begun."""
    file = folder / "grid.toml"
    file.write_text(text)
    grid = read_grid(file)
    cells = expand(grid)
    sweep = SweepFolder(folder / "sweep")
    sweep.path.mkdir()
    sweep.write(grid, cells)
    return sweep, cells


@pytest.fixture(scope="module")
def swept(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both methods with both seeds, each in this process."""
    sweep, cells = sweep_of(tmp_path_factory.mktemp("sweep"))
    for cell in cells:
        assert run_cell(sweep.path, cell.name) == 0
    return sweep, cells


def test_cells_count_gradient_steps(tmp_path: Path) -> None:
    _, cells = sweep_of(tmp_path)
    assert [x.name for x in cells] == ["byol+s0", "vicreg+s0", "byol+s1", "vicreg+s1"]
    assert {x.budget for x in cells} == {2}
    assert {x.command for x in cells} == {"pretrain"}
    assert Cell.from_json(cells[0].to_json()) == cells[0]


def test_a_cell_written_before_commands_were_is_a_training_run() -> None:
    data = Cell("a+s0", {"x": "a"}, 0, ("rnd",), 10, 5).to_json()
    del data["command"]
    assert Cell.from_json(data).command == "train"


def test_every_cell_is_done(swept: Any) -> None:
    sweep, cells = swept
    assert {x.state for x in sweep.statuses(cells).values()} == {State.DONE}
    run = RunFolder(sweep.status(cells[3]).run)
    assert (run.config().name, run.config().seed) == ("vicreg", 1)


def test_a_cell_that_was_not_measured_is_not_done(swept: Any) -> None:
    sweep, cells = swept
    run = find_run(sweep.cell(cells[0]))
    assert run is not None
    results = (run.path / "results.json").read_text()
    (run.path / "results.json").unlink()
    assert sweep.status(cells[0]).state is State.STOPPED
    assert run_cell(sweep.path, cells[0].name) == 0
    assert sweep.status(cells[0]).state is State.DONE
    assert (run.path / "results.json").read_text() == results


def test_a_report_compares_methods_by_name(
    swept: Any, curious: Command, tmp_path: Path
) -> None:
    sweep, _ = swept
    done = curious(
        *("report", str(sweep.path), "--metric", "probe/ridge", "random/ridge"),
        *("--no-figures", "--out", str(tmp_path / "report")),
    )
    assert done.code == 0, done.err
    with (tmp_path / "report" / "summary.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    arms = {(x["metric"], x["task"], x["arm"]) for x in rows if x["task"] != "all"}
    assert {
        (metric, "FashionMnist", arm)
        for metric in ("probe/ridge", "random/ridge")
        for arm in ("byol", "vicreg")
    } <= arms
    assert "differ in more than" not in done.out


def test_a_trial_is_short(curious: Command, tmp_path: Path) -> None:
    command = swept_command("pretrain")
    job = command.job(["byol", "--size", "debug"])
    trial = command.trial(job, 3)
    done = curious(
        *("pretrain", "byol", "--size", "debug", "--batch-size", "8", *trial),
        runs=tmp_path,
    )
    assert done.code == 0, done.err
    lines = done.run.metrics_file.read_text().splitlines()
    assert [json.loads(x)["steps"] for x in lines] == [2, 4, 6]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GRID.replace("--steps", "--stepz"), "curious pretrain refuses it"),
        (GRID.replace('byol = "byol', 'byol = "boyl'), "Did you mean 'byol'"),
        (GRID.replace("--steps 2", "--seed 3"), "--seed is for the sweep to say"),
        (GRID.replace('"pretrain"', '"pretrian"'), "Did you mean 'pretrain'"),
    ],
)
def test_mistakes_name_the_cell(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        sweep_of(tmp_path, text)
    assert said in " ".join(re.sub("[│─╭╮╰╯]", " ", str(error.value)).split())


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("pretrain_grid", 3 * 2),
        ("fashion_grid", 45 * 2),
        ("fashion_patches_grid", 3 * 2),
        ("memory_grid", 6 * 2),
        ("augment_grid", 5 * 2),
        ("augment_stack_grid", 4 * 2),
    ],
)
def test_grids_of_the_docs_are_grids(name: str, runs: int) -> None:
    """Every cell's command line is read as `curious pretrain` would."""
    cells = expand(read_grid(EXAMPLES / f"{name}.toml"))
    assert {x.command for x in cells} == {"pretrain"}
    assert len({x.name for x in cells}) == runs
