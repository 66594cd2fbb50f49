"""What a sweep has to know of `curious train`.

To sweep another command, write these four functions for it: what it may be asked, how
much there is to do, which run of a cell counts, and how that is begun or gone on with.
"""

import io
import re
import shutil
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.checkpoint_folder import CheckpointFolder, env_steps_of
from experiments.parts import ConfigError
from experiments.run_folder import RunFolder

if TYPE_CHECKING:
    from experiments.train_config import TrainConfig

_RUN = re.compile(r"\d{8}-\d{6}-")  # how the names of run folders begin
_OWN = ("--seed", "--seeds", "--runs", "--resume")  # what a sweep says itself


def read_config(arguments: Sequence[str]) -> "TrainConfig":
    """The config that the command would train.

    Raises:
        ConfigError: the command would refuse them; the message is the command's own.
    """
    from experiments.train_command import read_arguments  # imports torch

    for argument in arguments:
        flag = argument.partition("=")[0].replace("_", "-")
        if flag in _OWN:
            raise ConfigError(f"{flag} is for the sweep to say; leave it out.")
    heard = io.StringIO()
    try:
        with redirect_stderr(heard), redirect_stdout(heard):
            return read_arguments(arguments)
    except SystemExit:
        raise ConfigError(f"curious train refuses it:\n{heard.getvalue()}") from None


def find_run(folder: Path) -> RunFolder | None:
    """The run of the cell at `folder`: the one furthest on; None if none was saved."""
    if not folder.is_dir():
        return None
    runs = [RunFolder(x) for x in sorted(folder.iterdir()) if _is_saved(x)]
    return max(runs, key=saved_env_steps, default=None)


def saved_env_steps(run: RunFolder) -> int:
    """Env steps of the latest checkpoint; 0 without one."""
    paths = CheckpointFolder(run.checkpoints).paths()
    return env_steps_of(paths[-1]) if paths else 0


def next_arguments(folder: Path, arguments: Sequence[str]) -> list[str]:
    """Arguments of the command that begins a cell, or goes on with its run.

    What was killed before its first checkpoint begins anew, and leaves nothing: such
    runs are deleted. Nobody else may be working on the cell.

    Args:
        folder: of the cell.
        arguments: of the cell, the seed included.
    """
    run = find_run(folder)
    if run is not None:
        return ["--resume", str(run.path)]
    for x in folder.iterdir():
        if x.is_dir() and _RUN.match(x.name):
            shutil.rmtree(x)
    return [*arguments, "--runs", str(folder)]


def _is_saved(path: Path) -> bool:
    return (path / "config.json").is_file() and saved_env_steps(RunFolder(path)) > 0
