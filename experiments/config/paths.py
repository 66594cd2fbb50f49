"""Paths as people type them, and as they are shown to be typed again."""

import shlex
from pathlib import Path


def typed_path(text: str) -> Path:
    """The path that was typed; shells leave the `~` of `--runs=~/x` to the program."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # nobody has that home
        return Path(text)


def quoted(path: Path | str) -> str:
    """A path as a part of a command that is there to be copied into a shell."""
    return shlex.quote(str(path))
