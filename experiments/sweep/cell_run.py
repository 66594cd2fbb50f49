"""The runs of a cell: which one counts, how far it is, and how it begins or goes on."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from experiments.runs.folder import RunFolder

_RUN = re.compile(r"\d{8}-\d{6}-")  # how the names of run folders begin


def find_run(folder: Path) -> RunFolder | None:
    """The run of the cell at `folder`: the one furthest on; None if none was saved."""
    if not folder.is_dir():
        return None
    runs = [RunFolder(x) for x in sorted(folder.iterdir()) if _is_saved(x)]
    return max(runs, key=saved_steps, default=None)


def saved_steps(run: RunFolder) -> int:
    """Env steps (of `curious pretrain`: gradient steps) of the latest checkpoint.

    0 without one.
    """
    from experiments.runs.checkpoints.folder import (  # imports torch
        CheckpointFolder,
        steps_of,
    )

    paths = CheckpointFolder(run.checkpoints).paths()
    return steps_of(paths[-1]) if paths else 0


def has_reached(run: RunFolder) -> bool:
    """Whether the latest checkpoint says that the run was done before its budget."""
    from experiments.runs.checkpoints.checkpoint import read_header  # imports torch
    from experiments.runs.checkpoints.folder import CheckpointFolder

    paths = CheckpointFolder(run.checkpoints).paths()
    return bool(paths) and read_header(paths[-1]).reached


def next_arguments(
    folder: Path, arguments: Sequence[str], again: Sequence[str] = ()
) -> list[str]:
    """Arguments of the command that begins a cell, or goes on with its run.

    What was killed before its first checkpoint begins anew, and leaves nothing: such
    runs are deleted. Nobody else may be working on the cell.

    Args:
        folder: of the cell.
        arguments: of the cell, the seed included.
        again: what is said to a run that goes on.
    """
    run = find_run(folder)
    if run is not None:
        return ["--resume", str(run.path), *again]
    for x in folder.iterdir():
        if x.is_dir() and _RUN.match(x.name):
            shutil.rmtree(x)
    return [*arguments, "--runs", str(folder)]


def _is_saved(path: Path) -> bool:
    return (path / "config.json").is_file() and saved_steps(RunFolder(path)) > 0
