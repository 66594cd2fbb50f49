"""The worker process of a cell: how a sweep starts it, and what it does."""

import ctypes
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from experiments.sweep.cell import Cell
from experiments.sweep.cell_run import find_run, next_arguments
from experiments.sweep.folder import SweepError, SweepFolder
from experiments.sweep.swept_commands import swept_command
from world_models.data.lock import IsLocked, locked

SWEEPER = "CURIOUS_SWEEPER"  # process id of the sweep that started this process
PATIENCE = 10.0  # seconds for a process that was told to end to save and do so
_PR_SET_PDEATHSIG = 1


def start_worker(
    sweep: SweepFolder,
    cell: Cell,
    place: str,
    environment: Mapping[str, str],
    working_folder: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a process for a cell; all that it prints is added to the cell's log.

    It runs in a session of its own, so that a Ctrl-C in the terminal reaches its parent
    alone, and ends, politely, when the thread that called this does.

    Args:
        sweep: the folder.
        cell: which.
        place: where it runs, for the log.
        environment: all of its variables.
        working_folder: default: the current one.
    """
    sweep.cell(cell).mkdir(parents=True, exist_ok=True)
    command = sweep.command(cell)
    with sweep.log(cell).open("ab") as log:
        now = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
        log.write(f"--- {now} on {place}: {shlex.join(command)}\n".encode())
        log.flush()
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**environment, SWEEPER: str(os.getpid())},
            cwd=working_folder,
            start_new_session=True,
        )


def run_cell(folder: Path, name: str) -> int:
    """Run a cell in this process until it is done; returns its command's exit code.

    Raises:
        SweepError: no such cell, or another process is running it.
    """
    sweep = SweepFolder(folder)
    cell = sweep.find(name)
    sweep.cell(cell).mkdir(parents=True, exist_ok=True)
    try:
        with locked(sweep.cell_lock(cell), PATIENCE):
            run, command = find_run(sweep.cell(cell)), swept_command(cell.command)
            if run is not None and command.is_done(run, cell.budget):
                print(f"{name} is done: {run.path}")
                return 0
            again = command.again(cell.budget)
            return command.run(next_arguments(sweep.cell(cell), cell.arguments, again))
    except IsLocked as error:
        raise SweepError(f"The cell {name} is being run by {error}.") from error


def end_with_sweeper() -> None:
    """Ask Linux to end this process, politely, when the sweep that started it dies.

    Without a sweep, as when a scheduler starts a cell, nothing happens.
    """
    sweeper = os.environ.pop(SWEEPER, None)
    if sweeper is None or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != int(sweeper):  # it died before we asked
        sys.exit(128 + signal.SIGTERM)
