"""`command = "train-model"` in a grid."""

import csv
import json
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
from ssl_objectives.refusal import ConfigError

Command = Callable[..., Any]

GRID = """
command = "train-model"
arguments = '''
  --size debug --steps 4 --checkpoint-every 2 --no-tensorboard
  --probe-fit 12 --probe-test 10
'''
seeds = 1

[axes.model]
vicreg = "jepa-vicreg"
byol = "byol-explore"
"""


def cells_of(folder: Path, text: str = GRID) -> list[Cell]:
    file = folder / "grid.toml"
    file.write_text(text)
    return expand(read_grid(file))


def sweep(curious: Command, folder: Path, text: str = GRID) -> tuple[Any, SweepFolder]:
    """The command itself, with one worker on the CPU."""
    (folder / "grid.toml").write_text(text)
    out = folder / "sweep"
    done = curious(
        *("sweep", str(folder / "grid.toml"), "--out", str(out)),
        *("--processes", "1"),
    )
    return done, SweepFolder(out)


@pytest.fixture(scope="module")
def swept(curious: Command, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both models, each in a process of its own."""
    folder = tmp_path_factory.mktemp("sweep")
    done, made = sweep(curious, folder)
    assert done.code == 0, done.out + done.err
    return folder, made, cells_of(folder)


def results_of(made: SweepFolder, cell: Cell) -> Path:
    run = find_run(made.cell(cell))
    assert run is not None
    return run.path / "results.json"


def test_cells_count_gradient_steps(tmp_path: Path) -> None:
    cells = cells_of(tmp_path)
    assert [x.name for x in cells] == ["vicreg+s0", "byol+s0"]
    assert {(x.command, x.budget) for x in cells} == {("train-model", 4)}
    assert Cell.from_json(cells[0].to_json()) == cells[0]


def test_every_cell_is_done(swept: Any) -> None:
    _, made, cells = swept
    assert {x.state for x in made.statuses(cells).values()} == {State.DONE}
    names = [RunFolder(made.status(x).run).config().model.name for x in cells]
    assert names == ["jepa-vicreg", "byol-explore"]


def test_a_cell_that_was_not_measured_is_gone_on_with(
    swept: Any, curious: Command
) -> None:
    folder, made, cells = swept
    before = [results_of(made, x).read_text() for x in cells]
    kept = results_of(made, cells[1]).stat().st_mtime_ns
    results_of(made, cells[0]).unlink()
    assert made.status(cells[0]).state is State.STOPPED
    done, _ = sweep(curious, folder)
    assert done.code == 0, done.out + done.err
    assert [results_of(made, x).read_text() for x in cells] == before
    assert results_of(made, cells[1]).stat().st_mtime_ns == kept
    assert {x.state for x in made.statuses(cells).values()} == {State.DONE}


def test_without_a_report_no_results_are_waited_for(swept: Any) -> None:
    """And a run whose budget is not saved is never done."""
    _, made, cells = swept
    run = find_run(made.cell(cells[0]))
    assert run is not None
    command = swept_command("train-model")
    assert command.is_done(run, 4)
    assert not command.is_done(run, 5)
    results, config = run.path / "results.json", run.config_file
    kept = results.read_text(), config.read_text()
    results.unlink()
    assert not command.is_done(run, 4)
    changed = json.loads(kept[1])
    assert changed["report"] is True
    config.write_text(json.dumps({**changed, "report": False}))
    assert command.is_done(run, 4)
    results.write_text(kept[0])
    config.write_text(kept[1])


def test_a_report_reads_what_latents_tell(
    swept: Any, curious: Command, tmp_path: Path
) -> None:
    _, made, cells = swept
    metric = "probe/place/predicted_rmse"
    done = curious(
        *("report", str(made.path), "--metric", metric, "dot_share"),
        *("--no-figures", "--out", str(tmp_path / "report")),
    )
    assert done.code == 0, done.err
    with (tmp_path / "report" / "summary.csv").open(newline="") as lines:
        rows = [x for x in csv.DictReader(lines) if x["task"] != "all"]
    arms = {x["arm"] for x in rows if x["metric"] == metric}
    assert arms == {"vicreg", "byol"}  # as the sweep calls them
    assert {x["task"] for x in rows} == {"MovingDot"}
    assert {x["metric"] for x in rows} == {metric, "dot_share"}
    wanted = {
        json.loads(results_of(made, x).read_text())["results"][metric] for x in cells
    }
    told = {float(x["mean"]) for x in rows if x["metric"] == metric}
    assert sorted(told) == pytest.approx(sorted(wanted), rel=1e-4)


def test_a_trial_is_short(curious: Command) -> None:
    command = swept_command("train-model")
    argv = ["jepa-vicreg", "--size", "debug"]
    trial = command.trial(command.job(argv), 2)
    done = curious("train-model", *argv, *trial)
    assert done.code == 0, done.err
    lines = done.run.metrics_file.read_text().splitlines()
    assert [json.loads(x)["steps"] for x in lines] == [2, 4]
    assert not (done.run.path / "results.json").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GRID.replace("--steps", "--stepz"), "curious train-model refuses it"),
        (GRID.replace('"jepa-vicreg"', '"jepa-vicerg"'), "Did you mean 'jepa-vicreg'"),
        (GRID.replace("--steps 4", "--seed 3"), "--seed is for the sweep to say"),
        (GRID.replace("train-model", "train-modle"), "Did you mean 'train-model'"),
    ],
)
def test_mistakes_name_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        cells_of(tmp_path, text)
    shown = str(error.value).translate({ord(x): " " for x in "│─╭╮╰╯"})
    assert said in " ".join(shown.split())
