"""A sweep is a folder: its grid, its cells, and a folder for each of them."""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from experiments.sweep.cell import Cell
from experiments.sweep.cell_run import find_run, saved_steps
from experiments.sweep.grid import Grid
from experiments.sweep.swept_commands import swept_command
from ssl_objectives.refusal import Refusal, suggest
from world_models.data.lock import is_locked

FORMAT_VERSION = 1
KIND = "curious-worlds/sweep"


class SweepError(Refusal):
    """A sweep cannot go on in this folder; the message says why and what to do."""


class State(Enum):
    """How far a cell is."""

    WAITING = "not begun, or not saved yet"
    RUNNING = "a process works on it"
    STOPPED = "begun and saved, to be gone on with"
    FAILED = "its last attempt ended with an error"
    DONE = "its whole budget is saved, or what it was to reach"


@dataclass(frozen=True)
class Status:
    """Where a cell stands, as its run folder says.

    Attributes:
        run: its run folder; None before the first checkpoint.
        steps: of the latest checkpoint.
    """

    state: State
    run: Path | None
    steps: int


@dataclass(frozen=True)
class SweepFolder:
    """Paths and files of a sweep. What is done is read from the run folders."""

    path: Path

    @property
    def grid_file(self) -> Path:
        """The grid as it was given last."""
        return self.path / "grid.toml"

    @property
    def cells_file(self) -> Path:
        """All cells, and what was known of them when it was written."""
        return self.path / "cells.json"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the sweep."""
        return self.path / "lock"

    def cell(self, cell: Cell) -> Path:
        """The folder of a cell."""
        return self.path / "cells" / cell.name

    def cell_lock(self, cell: Cell) -> Path:
        """Held by the process that runs the cell."""
        return self.cell(cell) / "lock"

    def log(self, cell: Cell) -> Path:
        """All that the processes of a cell printed."""
        return self.cell(cell) / "log.txt"

    def status(self, cell: Cell) -> Status:
        """Where a cell stands: what is saved, and whether anybody works on it."""
        run = find_run(self.cell(cell))
        steps = 0 if run is None else saved_steps(run)
        if run is not None and swept_command(cell.command).is_done(run, cell.budget):
            state = State.DONE
        elif is_locked(self.cell_lock(cell)):
            state = State.RUNNING
        else:
            state = State.WAITING if run is None else State.STOPPED
        return Status(state, None if run is None else run.path, steps)

    def statuses(self, cells: Sequence[Cell]) -> dict[str, Status]:
        """Where each cell stands, by name; those given up before are failed."""
        before = self.read() if self.cells_file.exists() else {}
        found = {x.name: self.status(x) for x in cells}
        for name, status in found.items():
            gave_up = name in before and before[name][1] is State.FAILED
            if gave_up and status.state in (State.WAITING, State.STOPPED):
                found[name] = replace(status, state=State.FAILED)
        return found

    def write(
        self,
        grid: Grid,
        cells: Sequence[Cell],
        failed: frozenset[str] = frozenset(),
    ) -> None:
        """Write `cells.json`, whole or not at all; the lock must be held.

        Args:
            grid: of the sweep.
            cells: of the grid.
            failed: names of those whose last attempt failed.
        """
        data = {
            "format_version": FORMAT_VERSION,
            "kind": KIND,
            "command": grid.command,
            "axes": {axis: list(values) for axis, values in grid.axes.items()},
            "seeds": list(grid.seeds),
            "cells": [self._entry(x, x.name in failed) for x in cells],
        }
        new = self.path / ".cells.unfinished.json"
        new.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        os.replace(new, self.cells_file)

    def read(self) -> dict[str, tuple[Cell, State]]:
        """Cells by name, with their state when `cells.json` was written.

        Raises:
            SweepError: there is none, or another version wrote it.
        """
        try:
            data = json.loads(self.cells_file.read_text("utf-8"))
        except FileNotFoundError:
            raise SweepError(
                f"{self.path} is not the folder of a sweep: it has no cells.json."
            ) from None
        except (ValueError, RecursionError) as error:
            raise self._damaged(error) from error
        if not isinstance(data, dict):
            raise self._damaged("it is no JSON object")
        if data.get("format_version") != FORMAT_VERSION or data.get("kind") != KIND:
            raise SweepError(
                f"{self.cells_file} was written by another version of curious-worlds "
                f"(format {data.get('format_version')}); this one reads format "
                f"{FORMAT_VERSION}."
            )
        try:
            return {
                x["name"]: (Cell.from_json(x), State[x["state"].upper()])
                for x in data["cells"]
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            missing = isinstance(error, KeyError)
            raise self._damaged(f"there is no {error}" if missing else error) from error

    def _damaged(self, why: object) -> SweepError:
        return SweepError(
            f"{self.cells_file} is damaged ({why}). Delete it; the runs are kept."
        )

    def find(self, name: str) -> Cell:
        """The cell of that name in `cells.json`.

        Raises:
            SweepError: there is none, or see `read`.
        """
        cells = self.read()
        if name not in cells:
            raise SweepError(
                f"{self.path} has no cell {name!r}.{suggest(name, list(cells))}"
            )
        return cells[name][0]

    def check_same(self, cells: Sequence[Cell]) -> None:
        """Refuse to go on with a cell as another one.

        The same cell with a budget of its own is no other one, where its command allows
        that (`SweptCommand.budget_flag`): it goes on.

        Raises:
            SweepError: a cell that has begun has other arguments now.
        """
        if not self.cells_file.exists():
            return
        before = self.read()
        for cell in cells:
            old = before.get(cell.name, (cell, State.WAITING))[0]
            same = _but_for_budget(old) == _but_for_budget(cell)
            if not same and find_run(self.cell(cell)):
                raise SweepError(
                    f"The cell {cell.name} was begun as\n"
                    f"  curious {old.command} {shlex.join(old.arguments)}\nand is now\n"
                    f"  curious {cell.command} {shlex.join(cell.arguments)}\nGive the "
                    "changed value a new name in the grid, or the sweep another folder "
                    f"with --out, or delete {self.cell(cell)}"
                )

    def command(self, cell: Cell) -> list[str]:
        """What runs one cell, from wherever it stands, and does nothing when done."""
        return [
            *curious_command(),
            "sweep",
            str(self.path.absolute()),
            "--cell",
            cell.name,
        ]

    def _entry(self, cell: Cell, failed: bool) -> dict[str, Any]:
        status = self.status(cell)
        unfinished = status.state in (State.WAITING, State.STOPPED)
        state = State.FAILED if failed and unfinished else status.state
        run = None if status.run is None else status.run.relative_to(self.path)
        return {
            **cell.to_json(),
            "folder": f"cells/{cell.name}",
            "state": state.name.lower(),
            "run": None if run is None else run.as_posix(),
            "steps": status.steps,
        }


def curious_command() -> list[str]:
    """`curious`, as installed beside this Python; a folder named so cannot hide it."""
    script = Path(sys.executable).with_name("curious")
    if script.is_file():
        return [str(script)]
    return [sys.executable, "-m", "experiments.cli"]


def _but_for_budget(cell: Cell) -> tuple[str, list[str]]:
    """What a cell is, however long it may take."""
    flag, words = swept_command(cell.command).budget_flag, list(cell.arguments)
    while flag is not None and flag in words:
        at = words.index(flag)
        del words[at : at + 2]
    return cell.command, words
