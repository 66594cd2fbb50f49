"""The process that runs one cell of a sweep, and its log."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from experiments.sweep.cell import Cell
from experiments.sweep.folder import SweepFolder
from experiments.sweep.worker import SWEEPER


def start(
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
