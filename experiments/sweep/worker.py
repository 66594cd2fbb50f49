"""One cell of a sweep, in this process: begun, gone on with, or found done."""

import ctypes
import os
import signal
import sys
from pathlib import Path

from experiments.sweep.cell_run import find_run, next_arguments
from experiments.sweep.folder import SweepError, SweepFolder
from experiments.sweep.kinds import kind_of
from experiments.sweep.lock import IsLocked, locked

SWEEPER = "CURIOUS_SWEEPER"  # process id of the sweep that started this process
PATIENCE = 10.0  # seconds for a process that was told to end to save and do so
_PR_SET_PDEATHSIG = 1


def run_cell(folder: Path, name: str) -> int:
    """Run the cell until it is done; returns the exit code of its command.

    Raises:
        SweepError: no such cell, or another process is running it.
    """
    sweep = SweepFolder(folder)
    cell = sweep.find(name)
    sweep.cell(cell).mkdir(parents=True, exist_ok=True)
    try:
        with locked(sweep.cell_lock(cell), PATIENCE):
            run, kind = find_run(sweep.cell(cell)), kind_of(cell.command)
            if run is not None and kind.is_done(run, cell.budget):
                print(f"{name} is done: {run.path}")
                return 0
            return kind.run(next_arguments(sweep.cell(cell), cell.arguments))
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
