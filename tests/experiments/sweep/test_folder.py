import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.sweep.cell import Cell, expand
from experiments.sweep.cell_run import next_arguments
from experiments.sweep.folder import State, SweepError, SweepFolder
from experiments.sweep.grid import Grid
from experiments.sweep.swept_commands import swept_command
from experiments.train.presets import train_config
from world_models.data.lock import IsLocked, is_locked, locked

Held = Callable[[Path], AbstractContextManager[int]]
GRID = Grid(
    arguments=("--size", "debug", "--env-steps", "240", "--world", "key-door"),
    axes={"signal": {"byol": (), "rnd": ("rnd",)}},
    seeds=(0, 1),
)


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return expand(GRID)


@pytest.fixture
def sweep(tmp_path: Path, cells: list[Cell]) -> SweepFolder:
    sweep = SweepFolder(tmp_path)
    for cell in cells:
        sweep.cell(cell).mkdir(parents=True)
    return sweep


def begin(sweep: SweepFolder, cell: Cell, *env_steps: int) -> RunFolder:
    """A run in the folder of a cell, with these checkpoints."""
    config = train_config(size="debug", world="key-door")
    run = RunFolder.create(sweep.cell(cell), "KeyDoor", cell.seed, config)
    for steps in env_steps:
        state = {"x": torch.zeros(3)}
        CheckpointFolder(run.checkpoints).save(state, steps)
    return run


def test_a_lock_ends_with_its_process(held: Held, tmp_path: Path) -> None:
    file = tmp_path / "lock"
    assert not is_locked(file)
    with held(file) as number:
        assert is_locked(file)
        with pytest.raises(IsLocked, match=f"process {number} on "), locked(file):
            pytest.fail("two hold the lock")
    assert not is_locked(file)
    with locked(file):
        pass


def test_states_are_read_from_the_run_folders(
    held: Held, sweep: SweepFolder, cells: list[Cell]
) -> None:
    done, stopped, unsaved, running = cells
    saved = begin(sweep, done, 120, 240)
    begin(sweep, stopped, 120)
    begin(sweep, unsaved)
    with held(sweep.cell_lock(running)):
        states = [sweep.status(x) for x in cells]
    assert [x.state for x in states] == [
        *(State.DONE, State.STOPPED, State.WAITING, State.RUNNING)
    ]
    assert [x.steps for x in states] == [240, 120, 0, 0]
    assert states[0].run == saved.path
    assert states[2].run is states[3].run is None


def test_the_run_furthest_on_counts(sweep: SweepFolder, cells: list[Cell]) -> None:
    far = begin(sweep, cells[0], 180)
    begin(sweep, cells[0], 120)
    begin(sweep, cells[0])
    status = sweep.status(cells[0])
    assert (status.run, status.steps) == (far.path, 180)


def test_a_cell_without_a_checkpoint_begins_anew(
    sweep: SweepFolder, cells: list[Cell]
) -> None:
    folder = sweep.cell(cells[0])
    sweep.log(cells[0]).write_text("kept")
    (folder / "notes").mkdir()
    lost = begin(sweep, cells[0])
    assert next_arguments(folder, cells[0].arguments) == [
        *cells[0].arguments,
        *("--runs", str(folder)),
    ]
    assert not lost.path.exists()
    assert {x.name for x in folder.iterdir()} == {"log.txt", "notes"}


def test_a_saved_cell_goes_on(sweep: SweepFolder, cells: list[Cell]) -> None:
    run, other = begin(sweep, cells[0], 120), begin(sweep, cells[0])
    arguments = next_arguments(sweep.cell(cells[0]), cells[0].arguments)
    assert arguments == ["--resume", str(run.path)]
    assert other.path.exists()


def test_cells_json_says_what_was_known(sweep: SweepFolder, cells: list[Cell]) -> None:
    run = begin(sweep, cells[0], 240)
    begin(sweep, cells[1], 120)
    sweep.write(GRID, cells, frozenset({cells[1].name, cells[2].name}))
    data = json.loads(sweep.cells_file.read_text())
    assert (data["format_version"], data["kind"]) == (1, "curious-worlds/sweep")
    assert data["axes"] == {"signal": ["byol", "rnd"]}
    assert data["seeds"] == [0, 1]
    states = [x["state"] for x in data["cells"]]
    assert states == ["done", "failed", "failed", "waiting"]
    assert sweep.path / data["cells"][0]["run"] == run.path
    assert (sweep.path / data["cells"][3]["folder"]).is_dir()
    assert [x for x, _ in sweep.read().values()] == cells
    assert sweep.statuses(cells)[cells[1].name].state is State.FAILED
    begin(sweep, cells[1], 240)  # by hand, meanwhile
    assert sweep.statuses(cells)[cells[1].name].state is State.DONE


def test_a_begun_cell_cannot_become_another(
    sweep: SweepFolder, cells: list[Cell]
) -> None:
    sweep.check_same(cells)  # there is no cells.json yet
    sweep.write(GRID, cells)
    other = ("--size", "debug", "--env-steps", "240", "--world", "deep-sea")
    changed = expand(replace(GRID, arguments=other))
    sweep.check_same(changed)  # nothing has begun
    begin(sweep, cells[0], 120)
    sweep.check_same(cells)
    with pytest.raises(SweepError, match=r"The cell byol\+s0 was begun as") as error:
        sweep.check_same(changed)
    assert "--world key-door" in str(error.value)


def test_a_begun_cell_may_have_more_steps(
    sweep: SweepFolder, cells: list[Cell]
) -> None:
    sweep.write(GRID, cells)
    run = begin(sweep, cells[0], 240)
    more = ("--size", "debug", "--env-steps", "480", "--world", "key-door")
    longer = expand(replace(GRID, arguments=more))
    sweep.check_same(longer)
    sweep.write(replace(GRID, arguments=more), longer)
    assert sweep.statuses(longer)[longer[0].name].state is State.STOPPED
    again = swept_command("train").again(longer[0].budget)
    assert next_arguments(sweep.cell(longer[0]), longer[0].arguments, again) == [
        *("--resume", str(run.path), "--env-steps", "480"),
    ]


def test_what_plans_by_its_budget_cannot_be_given_more() -> None:
    # a cosine over 300 steps is another one than over 600
    assert swept_command("pretrain").budget_flag is None
    assert swept_command("train-model").again(600) == []


def test_files_of_others_are_refused(sweep: SweepFolder, cells: list[Cell]) -> None:
    with pytest.raises(SweepError, match=r"has no cells\.json"):
        sweep.read()
    sweep.write(GRID, cells)
    with pytest.raises(SweepError, match=r"no cell 'byol\+s7'. Did you mean"):
        sweep.find("byol+s7")
    text = sweep.cells_file.read_text()
    sweep.cells_file.write_text(text.replace('"format_version": 1', '"x": 1'))
    with pytest.raises(SweepError, match="another version"):
        sweep.read()
    for damaged in (text[:50], "[]", text.replace('"seed":', '"sead":')):
        sweep.cells_file.write_text(damaged)
        with pytest.raises(SweepError, match="is damaged"):
            sweep.read()
