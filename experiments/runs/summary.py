"""What a finished run says of itself: a table of results, and where everything lies."""

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from experiments.runs.progress import duration, short
from ssl_objectives.refusal import Refusal

LAST_EPISODES = 20  # rows over which returns of single episodes are averaged


def print_summary(
    run: RunFolder,
    amounts: Mapping[str, int],
    metrics: Mapping[str, str],
    rows: Mapping[str, str],
    places: Sequence[tuple[str, str]],
    console: Console,
) -> None:
    """Print a table of results, and where everything lies.

    Args:
        run: its folder.
        amounts: how much of what was done, by name; the speed is of the last of them.
        metrics: which metrics' last values are shown, under which labels.
        rows: more rows of the table, by label.
        places: labels and paths or commands, a line each.
        console: where to print.
    """
    columns = read_metrics(run)
    console.print(run.path.name, style="bold", highlight=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, amount in amounts.items():
        table.add_row(name, f"{amount:,}")
    if len(columns["wall_time"]):
        seconds = float(columns["wall_time"][-1])
        name, amount = list(amounts.items())[-1]
        table.add_row("time", duration(seconds))
        table.add_row("speed", f"{short(amount / max(seconds, 1e-9))} {name}/s")
    for label, name in metrics.items():
        values = columns.get(name, np.zeros(0))
        values = values[np.isfinite(values)]
        if len(values):
            of_episodes = name == "episode/return"
            last = values[-LAST_EPISODES:].mean() if of_episodes else values[-1]
            table.add_row(label, f"{last:,.4g}" if last < 1e4 else f"{last:,.0f}")
    for label, text in rows.items():
        table.add_row(label, text)
    console.print(table)
    for label, text in places:
        # one line each, however long: paths and commands are there to be copied
        console.print(
            f"{label:7} {text}", highlight=False, markup=False, soft_wrap=True
        )


@contextmanager
def surviving(what: str, warn: Callable[[str], None]) -> Iterator[None]:
    """What fails inside is warned of, and ends nothing: training is saved or goes on.

    Args:
        what: is done inside, for people, such as `the video`.
        warn: shows one line.
    """
    try:
        yield
    except Exception as error:
        with suppress(OSError, ValueError):  # the terminal may be what is gone
            warn(f"{what} failed: {_brief(error)}")


def _brief(error: Exception) -> str:
    """What people are told; of what is no refusal also where it was raised."""
    if isinstance(error, Refusal | OSError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    name = type(error).__name__
    return f"{name}: {error} ({where.filename}, line {where.lineno})"
