"""A run is a folder: config, versions, metrics, checkpoints, videos, plots."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from experiments.config.json import read_config, to_json, write_config
from experiments.runs.versions import versions
from ssl_objectives.refusal import ConfigError, Refusal, suggest
from world_models.data.lock import IsLocked, locked


class NotARun(Refusal):
    """A path is no run folder and lies in none; the message says what to give."""


class RunInUse(Refusal):
    """Another process is training the run; the message says which."""


@dataclass(frozen=True)
class RunFolder:
    """Paths inside a run. `create` makes a new one, `open` finds an existing one."""

    path: Path

    @staticmethod
    def create(root: Path, name: str, seed: int, config: Any) -> "RunFolder":
        """Make `root/<date>-<time>-<name>-s<seed>` with its config and versions.

        Args:
            root: folder of all runs, made if missing.
            name: what the run is, for people; odd characters become dashes.
            seed: seed of the run.
            config: the resolved config, see `to_json`.

        Raises:
            ConfigError: the config cannot be written, or `root` is something else than
                a folder.
        """
        to_json(config)  # refused before there is a folder
        try:
            root.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise ConfigError(
                f"{root} is a file, or a link that leads nowhere. Give a folder for "
                "runs, there or not, with --runs."
            ) from error
        name = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "run"
        stem = f"{datetime.now():%Y%m%d-%H%M%S}-{name}-s{seed}"
        for i in count(1):  # several runs may begin in the same second
            run = RunFolder(root / (stem if i == 1 else f"{stem}-{i}"))
            try:
                run.path.mkdir()
                break
            except FileExistsError:
                continue
        for folder in (run.tensorboard, run.checkpoints, run.videos, run.plots):
            folder.mkdir()
        text = json.dumps(versions(), indent=2)
        (run.path / "versions.json").write_text(text + "\n", "utf-8")
        write_config(run.config_file, config)
        return run

    @staticmethod
    def open(path: Path) -> "RunFolder":
        """The run at `path`, or the one that holds what is at `path`.

        Args:
            path: a run folder, or what lies in it, such as a checkpoint.

        Raises:
            NotARun: says what is there instead, and what to give.
        """
        if not path.exists():
            names = [x.name for x in _runs_in(path.parent)]
            hint = suggest(path.name, names) if names else ""
            raise NotARun(f"There is no run at {path}.{hint}")
        inside = path.absolute()  # `checkpoints/x.safetensors` has parents, too
        within = inside.parents[: 2 if path.is_file() else 1]
        for folder in (inside, *within):
            if (folder / "config.json").is_file():
                return RunFolder(path if folder == inside else folder)
        runs = _runs_in(path)
        if runs:
            raise NotARun(
                f"{path} is a folder of {len(runs)} runs, not a run. Give one of them, "
                f"for example the newest: {runs[-1]}"
            )
        raise NotARun(
            f"{path} is not a run and lies in none: there is no config.json. Give a "
            "folder that `curious train` made, or a checkpoint in it."
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one process that writes to the run; others may read.

        Raises:
            RunInUse: another one is, on this machine or on one that shares the folder.
        """
        try:
            with locked(self.path / "lock"):
                yield
        except IsLocked as error:
            raise RunInUse(
                f"{self.path} is being trained by {error}. Wait for its end, or stop "
                "it there with Ctrl-C (or kill, without -9), which saves all of it."
            ) from error

    def checkpoint_at(self, path: Path) -> Path | None:
        """The checkpoint that a path for `open` names; None where it names the run.

        So `RUN/config.json` is the run, as its folders are.
        """
        named = path.is_dir() or path.absolute() == self.config_file.absolute()
        return None if named else path

    @property
    def config_file(self) -> Path:
        """The resolved config."""
        return self.path / "config.json"

    @property
    def metrics_file(self) -> Path:
        """Scalars, one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """The same scalars for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """For `CheckpointFolder`."""
        return self.path / "checkpoints"

    @property
    def videos(self) -> Path:
        """Recorded episodes."""
        return self.path / "videos"

    @property
    def plots(self) -> Path:
        """Pictures of the metrics."""
        return self.path / "plots"

    def config(self) -> Any:
        """The config of the run.

        Raises:
            ConfigError: the file is damaged, or its classes have changed since.
        """
        return read_config(self.config_file)


def _runs_in(folder: Path) -> list[Path]:
    """Run folders, by name, which begins with the time they were made."""
    if not folder.is_dir():
        return []
    return sorted(x for x in folder.iterdir() if (x / "config.json").is_file())
