"""A grid: one command line, named axes of arguments that are added to it, and seeds."""

import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from ssl_objectives.refusal import ConfigError, suggest

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")  # safe in a folder's name
_KEYS = ("command", "arguments", "axes", "seeds", "exclude")


@dataclass(frozen=True)
class Combination:
    """One value of each axis: all that a cell is but its seed.

    Attributes:
        values: the name of the value of each axis.
        arguments: of the command, without the seed.
    """

    values: Mapping[str, str]
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        """The names of the values, `key-door+rnd`; empty without axes."""
        return "+".join(self.values.values())


@dataclass(frozen=True)
class Grid:
    """What a grid file says.

    Attributes:
        command: of `curious`, which every cell runs.
        arguments: that all cells share.
        axes: for each axis its named values, and the arguments each of them adds.
        seeds: every combination runs with each.
        exclude: combinations left out: those that have one of the named values on
            each of the named axes.
    """

    command: str = "train"
    arguments: tuple[str, ...] = ()
    axes: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    exclude: tuple[Mapping[str, tuple[str, ...]], ...] = ()

    def combinations(self) -> list[Combination]:
        """All that are not excluded, the last axis varying fastest.

        Raises:
            ConfigError: none is left.
        """
        found = []
        for names in product(*self.axes.values()):
            values = dict(zip(self.axes, names, strict=True))
            if not any(_matches(values, x) for x in self.exclude):
                added = [self.axes[axis][name] for axis, name in values.items()]
                found.append(Combination(values, _joined([self.arguments, *added])))
        if not found:
            raise ConfigError("The grid excludes all of its cells.")
        return found


_OURS = Path(__file__).parent / "grids"


def our_grids() -> list[str]:
    """Names of the grids that come with the package: published experiments."""
    return sorted(x.stem for x in _OURS.glob("*.toml"))


def grid_file(said: Path) -> Path:
    """The file of a grid that was said by name, where it is no file itself."""
    if not said.exists() and str(said) in our_grids():
        return _OURS / f"{said}.toml"
    return said


def read_grid(path: Path) -> Grid:
    """Read a grid file (TOML).

    Raises:
        ConfigError: no such file, no TOML, unknown keys, or values that mean nothing;
            the message names the place.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(
            f"There is no grid at {path}. Give a grid file (TOML), the folder of a "
            "sweep to go on with, or the name of one of ours: "
            f"{', '.join(our_grids())}."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}.") from error
    try:
        return _grid(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _grid(data: Mapping[str, Any]) -> Grid:
    for key in data:
        if key not in _KEYS:
            raise ConfigError(f"there is no key {key!r}.{suggest(key, _KEYS)}")
    command = data.get("command", "train")
    if not isinstance(command, str):
        raise ConfigError("command is the name of one command, such as 'train'.")
    axes = {
        checked_name(axis, "axes"): _values(values, f"axes.{axis}")
        for axis, values in _table(data.get("axes", {}), "axes").items()
    }
    exclude = data.get("exclude", [])
    if not isinstance(exclude, list):
        raise ConfigError("exclude is a list of tables: begin each with [[exclude]].")
    return Grid(
        command,
        _arguments(data.get("arguments", []), "arguments"),
        axes,
        _seeds(data.get("seeds", 1)),
        tuple(_exclusion(x, axes) for x in exclude),
    )


def _values(data: Any, path: str) -> dict[str, tuple[str, ...]]:
    table = _table(data, path)
    if not table:
        raise ConfigError(f"{path} has no values.")
    return {
        checked_name(name, path): _arguments(x, f"{path}.{name}")
        for name, x in table.items()
    }


def _arguments(data: Any, path: str) -> tuple[str, ...]:
    """A command line as it is typed, or a list of its words."""
    if isinstance(data, str):
        try:
            return tuple(shlex.split(data))
        except ValueError as error:
            raise ConfigError(f"{path}: {data!r}: {error}.") from error
    if isinstance(data, list) and all(type(x) in (str, int, float) for x in data):
        return tuple(map(str, data))
    raise ConfigError(
        f"{path}: {data!r} is neither a command line ('--world key-door') nor a list "
        "of its words."
    )


def _seeds(data: Any) -> tuple[int, ...]:
    if type(data) is int and data > 0:
        return tuple(range(data))
    if (
        isinstance(data, list)
        and data
        and all(type(x) is int and x >= 0 for x in data)
        and len(set(data)) == len(data)
    ):
        return tuple(data)
    raise ConfigError(
        f"seeds: {data!r} is neither how many (3 means 0, 1 and 2) nor a list of "
        "different whole numbers of at least 0."
    )


def _exclusion(
    data: Any, axes: Mapping[str, Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    found = {}
    for axis, names in _table(data, "exclude").items():
        if axis not in axes:
            raise ConfigError(
                f"exclude: there is no axis {axis!r}.{suggest(axis, list(axes))}"
            )
        found[axis] = tuple(names) if isinstance(names, list) else (names,)
        for name in found[axis]:
            if name not in axes[axis]:
                raise ConfigError(
                    f"exclude.{axis}: there is no {name!r} on this axis."
                    + suggest(str(name), list(axes[axis]))
                )
    if not found:
        raise ConfigError("exclude: a table that names no axis excludes everything.")
    return found


def _table(data: Any, path: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: {data!r} is not a table of names and values.")
    return data


def checked_name(name: str, path: str) -> str:
    """The name of an axis or a value, as said at `path`.

    Raises:
        ConfigError: it cannot be part of a folder's name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{path}: {name!r} becomes part of a folder's name; use letters, digits, "
            "'-', '_' and '.'."
        )
    return name


def _matches(values: Mapping[str, str], exclusion: Mapping[str, Sequence[str]]) -> bool:
    return all(values[axis] in names for axis, names in exclusion.items())


def _joined(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Words that are no flags stand first, and the last part that has some decides.

    So an axis can vary the preset, the first argument of `curious train`.
    """
    leading: list[str] = []
    rest: list[str] = []
    for part in parts:
        flags = next((i for i, x in enumerate(part) if x.startswith("-")), len(part))
        leading = list(part[:flags]) or leading
        rest += part[flags:]
    return (*leading, *rest)
