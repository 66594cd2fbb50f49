"""A part of a grid, or one with values of one's own: what a command line changes."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace

from experiments.sweep.grid import Grid, checked_name
from ssl_objectives.refusal import ConfigError, suggest


def changed_grid(
    grid: Grid,
    only: Sequence[str] = (),
    add: Sequence[str] = (),
    seeds: Sequence[int] = (),
) -> Grid:
    """The grid with values added, then with those alone that are wanted.

    Args:
        grid: as its file says.
        only: `AXIS=NAME,NAME`: of this axis these values alone.
        add: `AXIS.NAME=ARGUMENTS`: one value more on this axis; the arguments as they
            are typed.
        seeds: in place of the grid's; empty: the grid's.

    Raises:
        ConfigError: no such axis or value, or a change cannot be read.
    """
    axes = {axis: dict(values) for axis, values in grid.axes.items()}
    for said in add:
        place, found, arguments = said.partition("=")
        axis, dot, name = place.partition(".")
        if not (found and dot):
            raise ConfigError(
                f"--add {said!r}: write AXIS.NAME=ARGUMENTS, such as "
                "'signal.mine=byol-explore --curiosity my_module:MyConfig'."
            )
        values = _axis(axes, axis, "--add")
        if checked_name(name, "--add") in values:
            raise ConfigError(f"--add: {name!r} is on the axis {axis!r} already.")
        try:
            values[name] = tuple(shlex.split(arguments))
        except ValueError as error:
            raise ConfigError(f"--add {said!r}: {error}.") from error
    for said in only:
        axis, found, listed = said.partition("=")
        if not found:
            raise ConfigError(f"--only {said!r}: write AXIS=NAME,NAME.")
        values = _axis(axes, axis, "--only")
        wanted = listed.split(",")
        for name in wanted:
            if name not in values:
                raise ConfigError(
                    f"--only: there is no {name!r} on the axis {axis!r}."
                    + suggest(name, list(values))
                )
        axes[axis] = {name: x for name, x in values.items() if name in wanted}
    if len(set(seeds)) < len(seeds) or any(x < 0 for x in seeds):
        raise ConfigError("--seeds are different whole numbers of at least 0.")
    exclude = [
        {
            axis: tuple(x for x in names if x in axes[axis])
            for axis, names in each.items()
        }
        for each in grid.exclude
    ]
    return replace(
        grid,
        axes=axes,
        seeds=tuple(seeds) or grid.seeds,
        exclude=tuple(x for x in exclude if all(x.values())),
    )


def grid_text(grid: Grid) -> str:
    """A grid as a file (TOML) that `read_grid` reads as the same grid."""
    lines = [
        f"command = {_quoted(grid.command)}",
        f"arguments = {_words(grid.arguments)}",
        f"seeds = {list(grid.seeds)}",
    ]
    for axis, values in grid.axes.items():
        lines += ["", f"[axes.{_quoted(axis)}]"]
        lines += [f"{_quoted(name)} = {_words(x)}" for name, x in values.items()]
    for each in grid.exclude:
        lines += ["", "[[exclude]]"]
        lines += [f"{_quoted(axis)} = {_words(names)}" for axis, names in each.items()]
    return "\n".join(lines) + "\n"


def _axis(
    axes: Mapping[str, dict[str, tuple[str, ...]]], axis: str, flag: str
) -> dict[str, tuple[str, ...]]:
    if axis not in axes:
        raise ConfigError(
            f"{flag}: there is no axis {axis!r}.{suggest(axis, list(axes))} The grid "
            f"has {', '.join(axes)}."
        )
    return axes[axis]


def _quoted(text: str) -> str:
    """A basic string of TOML, which escapes as JSON does."""
    return json.dumps(text)


def _words(words: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, words))}]"
