"""What is remembered of commands, so that help and refusals come without torch.

A folder of JSON files: a file for each command, with its choices, and one for each
combination of choices that was asked for, with the flags it has (see `skeleton`). They
lie in `~/.cache/curious-worlds/flags` (or below `$XDG_CACHE_HOME`, or where
`$CURIOUS_CACHE` says; `/dev/null` for no memory), in a folder that is named after where
the packages are and what state their sources are in: after any edit all is forgotten.
Nothing depends on them: where the folder cannot be written, or a file is damaged,
commands are read as if there were no memory.
"""

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import tyro

from experiments.config.skeleton import NoSkeleton, from_skeleton, skeleton

_SOURCES = ("agents", "world_models", "envs", "ssl_objectives", "experiments")
# No such file, a damaged one, or no home in which it could lie.
_NO_MEMORY = (OSError, ValueError, RuntimeError)


def recall_command(command: str) -> Any:
    """What `remember` was told about a command; None if nothing."""
    with suppress(*_NO_MEMORY):
        return _read(_command_file(command))
    return None


def recall_config(command: str, chosen: Mapping[str, str]) -> Any:
    """A config with the flags of the one that was remembered for the same choices."""
    with suppress(*_NO_MEMORY):
        return from_skeleton(_read(_config_file(command, chosen)))
    return None


def remember(command: str, about: Any, chosen: Mapping[str, str], config: Any) -> None:
    """Remember what a command is, and the flags that it has for these choices.

    Args:
        command: as it is typed, `curious train`.
        about: JSON that `recall_command` gives back.
        chosen: names by what they are chosen for, defaults included.
        config: the default config that they stand for.
    """
    with suppress(NoSkeleton, *_NO_MEMORY):
        file = _config_file(command, chosen)
        if file.is_file():
            return
        node = skeleton(config)
        _forget_older()
        _write(_command_file(command), about)
        _write(file, node)


def _command_file(command: str) -> Path:
    return _folder() / f"{command.replace(' ', '-')}.json"


def _config_file(command: str, chosen: Mapping[str, str]) -> Path:
    key = hashlib.sha256(json.dumps(dict(sorted(chosen.items()))).encode()).hexdigest()
    return _command_file(command).with_suffix(f".{key[:20]}.json")


def _folder() -> Path:
    return _root() / f"{_place()}-{_fingerprint()}"


def _root() -> Path:
    own = os.environ.get("CURIOUS_CACHE", "")
    if own:
        return Path(own) / "flags"
    caches = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(caches) if caches else Path("~/.cache").expanduser()
    return base / "curious-worlds" / "flags"


def _place() -> str:
    """Tells installations apart, so that none deletes what another remembers."""
    here = str(Path(__file__).resolve().parents[2])
    return hashlib.sha256(here.encode()).hexdigest()[:12]


@cache
def _fingerprint() -> str:
    """Of all sources as they are, and of what reads and prints their flags."""
    root = Path(__file__).resolve().parents[2]
    seen = [platform.python_version(), tyro.__version__]
    for package in _SOURCES:
        for path, status in sorted(_sources(root / package)):
            seen.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()[:20]


def _sources(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for x in entries:
            if x.is_dir():
                yield from _sources(Path(x.path))
            elif x.name.endswith(".py"):
                yield x.path, x.stat()


def _forget_older() -> None:
    """Delete what this installation remembered when its sources were others."""
    kept = _folder()
    for folder in _root().glob(f"{_place()}-*"):
        if folder != kept:
            shutil.rmtree(folder, ignore_errors=True)


def _read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def _write(file: Path, content: Any) -> None:
    """Whole or not at all, whoever else writes it at the same time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".unfinished-")
    with open(handle, "w", encoding="utf-8") as lines:
        json.dump(content, lines)
    os.replace(name, file)
