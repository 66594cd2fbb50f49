"""What an evaluation leaves: a table for people, and JSON for programs."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from agents.play import PlayedEpisodes, StepCallback
from experiments.runs.progress import LINE_SECONDS, short


def bootstrap_interval(
    values: NDArray[np.float64] | NDArray[np.int64],
    level: float = 0.95,
    draws: int = 10_000,
) -> tuple[float, float]:
    """Percentile bootstrap confidence interval of the mean, from fixed draws."""
    generator = np.random.default_rng(0)
    picked = generator.integers(len(values), size=(draws, len(values)))
    means = values[picked].mean(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def evaluation_table(played: Mapping[str, PlayedEpisodes]) -> Table:
    """A line per quantity, a column per player.

    Rooms and cells are those of single episodes: all episodes together say how many
    there were rather than how far one gets. (JSON has both.)
    """
    table = Table()
    table.add_column("")
    for name in played:
        table.add_column(name, justify="right")
    lines: dict[str, Callable[[PlayedEpisodes], str]] = {
        "episodes": lambda x: str(len(x.episodes)),
        "return, mean": lambda x: f"{x.scores.mean():.4g}",
        "return, 95 % interval": lambda x: _interval(x.scores),
        "return, best": lambda x: f"{x.scores.max():.4g}",
        "episodes cut off": lambda x: str(x.cut_off),
        "env steps": lambda x: f"{x.env_steps:,}",
        "rooms per episode, mean": lambda x: _mean(x.rooms_per_episode),
        "rooms per episode, 95 % interval": lambda x: _interval(x.rooms_per_episode),
        "cells (room, x, y) per episode, mean": lambda x: _mean(x.cells_per_episode),
        "cells per episode, 95 % interval": lambda x: _interval(x.cells_per_episode),
    }
    for label, show in lines.items():
        table.add_row(label, *(show(each) for each in played.values()))
    return table


def episode_lines(played: PlayedEpisodes) -> list[str]:
    """What each episode brought."""
    lines = []
    for i, x in enumerate(played.episodes, 1):
        number = len(x.rooms or ())
        rooms = f", {number} room{'' if number == 1 else 's'}" if number else ""
        cut = "" if x.complete else " (cut off)"
        lines.append(
            f"episode {i}: return {x.score:g} in {x.length:,} steps{rooms}{cut}"
        )
    return lines


def write_evaluation(
    file: Path, played: Mapping[str, PlayedEpisodes], about: Mapping[str, Any]
) -> None:
    """Write everything as JSON, `about` first."""
    content = dict(about)
    for name, each in played.items():
        content[name] = {
            "returns": each.scores.tolist(),
            "return_mean": float(each.scores.mean()),
            "return_interval_95": bootstrap_interval(each.scores),
            "lengths": [x.length for x in each.episodes],
            "complete": [x.complete for x in each.episodes],
            "rooms": each.rooms,
            "cells": each.cells,
            **_per_episode("rooms", each.rooms_per_episode),
            **_per_episode("cells", each.cells_per_episode),
        }
    file.parent.mkdir(exist_ok=True)
    unfinished = file.with_name(f".{file.name}.unfinished")
    unfinished.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    os.replace(unfinished, file)


@contextmanager
def watching(
    console: Console, what: str, episodes: int, every: float = LINE_SECONDS
) -> Iterator[StepCallback]:
    """Shows how far play is: on one line of a terminal, else `every` few seconds."""
    begun = printed = time.monotonic()

    def line(finished: int, env_steps: int) -> str:
        speed = env_steps / max(time.monotonic() - begun, 1e-9)
        return (
            f"{what}: {finished} of {episodes} episodes · {short(env_steps)} env steps "
            f"· {short(speed)} steps/s"
        )

    with console.status(f"{what} …") as status:

        def watch(finished: int, env_steps: int) -> None:
            nonlocal printed
            if console.is_terminal:
                status.update(line(finished, env_steps))
            elif time.monotonic() - printed >= every:
                printed = time.monotonic()
                console.print(line(finished, env_steps), highlight=False)

        yield watch


def _per_episode(what: str, values: NDArray[np.int64] | None) -> dict[str, Any]:
    """Each episode's, their mean and its interval; all None in worlds without."""
    name = f"{what}_per_episode"
    if values is None:
        return dict.fromkeys((name, f"{name}_mean", f"{name}_interval_95"))
    return {
        name: values.tolist(),
        f"{name}_mean": float(values.mean()),
        f"{name}_interval_95": bootstrap_interval(values),
    }


def _mean(values: NDArray[Any] | None) -> str:
    return "–" if values is None else f"{values.mean():.4g}"


def _interval(values: NDArray[Any] | None) -> str:
    if values is None or len(values) < 2:
        return "–"
    low, high = bootstrap_interval(values)
    return f"{low:.4g} to {high:.4g}"
