"""What people are told about a data set, before and after it is written."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from experiments.runs.progress import LINE_SECONDS, short
from ssl_objectives.footprint.plan import readable
from ssl_objectives.refusal import DatasetError
from world_models.data.dataset import Dataset
from world_models.data.format import DatasetSpec, DiscreteColumn


def about(dataset: Dataset) -> str:
    """What a data set holds, in a few lines."""
    spec = dataset.spec
    size = readable(dataset.num_rows * spec.row_bytes)
    sizes = {"vector": f"vector of {spec.vector_size}", "action": _actions(spec)}
    columns = [sizes.get(x, x) for x in spec.columns if x not in ("obs", "first")]
    held = ", ".join(columns) or "no more"
    unfinished = "" if dataset.finished else "\n  (whoever wrote it did not finish)"
    rows, streams = (dataset.num_rows, "row"), (dataset.num_streams, "stream")
    episodes = (len(dataset.first_rows()), "episode")
    return (
        f"{dataset.path}: {_count(*rows)} in {_count(*streams)}, {_count(*episodes)}, "
        f"{size} in {_count(dataset.num_shards, 'shard')}\n"
        f"  frames {spec.obs_shape}, and {held}{unfinished}"
    )


def _actions(spec: DatasetSpec) -> str:
    """How many there are to choose among, or of how many numbers each is."""
    if isinstance(spec.actions, DiscreteColumn):
        return _count(spec.actions.n, "discrete action")
    num = 0 if spec.actions is None else len(spec.actions.low)
    return f"actions of {_count(num, 'real number')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def check_space(folder: Path, num_bytes: int) -> None:
    """Refuse what the disk cannot hold, before anything is done.

    Raises:
        DatasetError: with both numbers.
    """
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if num_bytes > free:
        raise DatasetError(
            f"{folder} would take {readable(num_bytes)}, but only {readable(free)} are "
            "free on that disk."
        )


@contextmanager
def counted(
    console: Console, what: str, total: int | None, every: float = LINE_SECONDS
) -> Iterator[Callable[[int], None]]:
    """Shows how far something is: a bar on a terminal, else a line now and then.

    Yields what is to be told how many more are done. `total` may be unknown.
    """
    done, printed = 0, time.monotonic()
    with RichProgress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(what, total=total)

        def advance(number: int) -> None:
            nonlocal done, printed
            done += number
            bar.advance(task, number)
            if not console.is_terminal and time.monotonic() - printed >= every:
                printed = time.monotonic()
                of = "" if total is None else f" of {short(total)}"
                console.print(f"{short(done)}{of} {what}", highlight=False)

        yield advance
