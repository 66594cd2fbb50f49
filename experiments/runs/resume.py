"""What may change when a run goes on, and what must not."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from torch import Tensor

from experiments.config.json import write_config
from experiments.config.paths import quoted
from experiments.runs.folder import RunFolder
from ssl_objectives.refusal import ConfigError


def check_same_run(
    run: RunFolder, now: Any, fixed: Sequence[str], command: str
) -> None:
    """Refuse to continue a run as another one.

    Args:
        run: that is to go on.
        now: the config that it is to go on with.
        fixed: paths in it that cannot change any more.
        command: of `curious`, that makes such runs.

    Raises:
        ConfigError: names each flag that cannot change any more.
    """
    before = run.config()
    changes = [
        change
        for path in fixed
        for change in _changes(attrgetter(path)(before), attrgetter(path)(now), path)
    ]
    if changes:
        raise ConfigError(
            f"{run.path} cannot go on with {'; '.join(changes)}: its networks, worlds "
            "and draws are made. Leave that out, or make a new run with: curious "
            f"{command} --config {quoted(run.config_file)} and the flags that you "
            "want. (Budget, learning rate and whatever else only says how to go on may "
            "change.)"
        )


def changed_flags(before: Any, now: Any, budget_flag: str) -> list[str]:
    """`--a.b 3 (was 2)` for each value that differs, but for that of the budget."""
    budget = budget_flag.removeprefix("--").replace("-", "_")
    return [
        change
        for x in fields(before)
        if x.name not in (budget, "seeds")
        for change in _changes(getattr(before, x.name), getattr(now, x.name), x.name)
    ]


def check_same_networks(
    own: Mapping[str, Any], saved: Mapping[str, Any], checkpoint: Path
) -> None:
    """Refuse a checkpoint of networks whose tensors have other names or shapes.

    Raises:
        ConfigError: names the first that differ.
    """
    differing = [
        f"{name} ({_shape(saved.get(name))}, needed: {_shape(own.get(name))})"
        for name in sorted({*own, *saved})
        if _shape(own.get(name)) != _shape(saved.get(name))
    ]
    if differing:
        raise ConfigError(
            f"{checkpoint} holds other networks than its config says: "
            f"{', '.join(differing[:3])}{' …' if differing[3:] else ''}. Was "
            "config.json edited, or the code changed since?"
        )


def keep_config(run: RunFolder, config: Any) -> None:
    """Let a run's config.json say how it goes on; whole or not at all."""
    if run.config() == config:
        return
    new = run.config_file.with_name(".config.unfinished.json")
    write_config(new, config)
    os.replace(new, run.config_file)


def _changes(before: Any, now: Any, path: str) -> Iterator[str]:
    """`--a.b 3 (was 2)` for each value that differs."""
    if type(before) is type(now) and is_dataclass(before):
        for x in fields(before):
            old, new = getattr(before, x.name), getattr(now, x.name)
            yield from _changes(old, new, f"{path}.{x.name}")
    elif before != now:
        flag = path.replace("_", "-")
        yield f"--{flag} {_brief(now)} (was {_brief(before)})"


def _brief(value: Any) -> str:
    return type(value).__name__ if is_dataclass(value) else str(value)


def _shape(value: Any) -> str:
    if value is None:
        return "absent"
    return str(list(value.shape)) if isinstance(value, Tensor) else "no tensor"
