"""What a sweep will cost: measured on runs of it, or on short trials of its cells."""

import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from experiments.runs.progress import duration, short
from experiments.sweep.cell import Cell
from experiments.sweep.folder import State, Status, curious_command
from experiments.sweep.slots import Slot
from experiments.sweep.swept_commands import Job, swept_command

PROBE_ROLLOUTS = 6  # the first is not counted: it warms up

Values = tuple[str, ...]


@dataclass(frozen=True)
class Speed:
    """Env steps per second of the cells that differ by their seed alone.

    Attributes:
        steps_per_second: of one run.
        source: what it was measured on, for people.
    """

    steps_per_second: float
    source: str


def values_of(cell: Cell) -> Values:
    """What a cell shares with those of other seeds."""
    return tuple(cell.values.values())


def speeds_of_runs(
    cells: Iterable[Cell], statuses: Mapping[str, Status]
) -> dict[Values, Speed]:
    """From the seconds that runs of this sweep have trained; others are left out."""
    steps: dict[Values, list[tuple[int, float]]] = defaultdict(list)
    for cell in cells:
        run = statuses[cell.name].run
        if run is None:
            continue
        metrics = read_metrics(RunFolder(run))
        if len(metrics["wall_time"]) and metrics["wall_time"][-1] > 0:
            row = int(metrics["steps"][-1]), float(metrics["wall_time"][-1])
            steps[values_of(cell)].append(row)
    return {
        values: Speed(
            sum(x for x, _ in rows) / sum(x for _, x in rows),
            f"{len(rows)} run{'s' if len(rows) > 1 else ''} here",
        )
        for values, rows in steps.items()
    }


def measure(
    cells: Sequence[Cell], slot: Slot, console: Console
) -> tuple[dict[Values, Speed], dict[Values, str]]:
    """Train each combination of values for a few rollouts, one after another.

    Returns:
        Speeds, and for those that failed what they said.
    """
    distinct = {values_of(x): x for x in reversed(cells)}
    speeds, errors = {}, {}
    for values, cell in track(
        list(distinct.items()), description="measuring", console=console, transient=True
    ):
        with tempfile.TemporaryDirectory() as folder:
            code, output = _probe(cell, slot, Path(folder))
            runs = list(Path(folder).iterdir())
            if code != 0 or not runs:
                errors[values] = last_words(output)
                continue
            metrics = read_metrics(RunFolder(runs[0]))
        steps, seconds = metrics["steps"], metrics["wall_time"]
        if len(seconds) > 1 and seconds[-1] > seconds[0]:
            rate = (steps[-1] - steps[0]) / (seconds[-1] - seconds[0])
            pieces = swept_command(cell.command).pieces
            speeds[values] = Speed(float(rate), f"{len(seconds)} {pieces} now")
    return speeds, errors


def _probe(cell: Cell, slot: Slot, runs: Path) -> tuple[int, str]:
    command = [*curious_command(), cell.command, *cell.arguments, "--runs", str(runs)]
    job = Job(cell.budget, cell.rollout)
    command += swept_command(cell.command).trial(job, PROBE_ROLLOUTS)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=slot.variables(),
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def print_plan(
    cells: Sequence[Cell],
    statuses: Mapping[str, Status],
    speeds: Mapping[Values, Speed],
    slots: Sequence[Slot],
    console: Console,
) -> None:
    """A table of the cells, what each has left to do, and about how long that takes."""
    unit = swept_command(cells[0].command).unit
    table = Table("cell", "state", *_right(unit, "left", "time", "measured on"))
    total = 0.0
    unknown = steps = 0
    for cell in cells:
        status = statuses[cell.name]
        is_done = status.state is State.DONE
        left = 0 if is_done else max(0, cell.budget - status.steps)
        steps += left
        speed = speeds.get(values_of(cell))
        seconds = left / speed.steps_per_second if speed else 0.0
        total += seconds
        unknown += left > 0 and speed is None
        known = ("–", "–") if speed is None else (duration(seconds), speed.source)
        state = status.state.name.lower()
        table.add_row(
            cell.name, state, short(cell.budget), short(left), *(known if left else ())
        )
    console.print(table)
    num_done = sum(x.state is State.DONE for x in statuses.values())
    say = [f"{len(cells)} cells, {num_done} done; {short(steps)} {unit} left."]
    if unknown:
        say.append(
            f"How long {unknown} of them take is not known yet: their like has not "
            "run here. --measure tries each for a moment."
        )
    if total:
        at_once = min(len(slots), len(cells) - num_done)
        say.append(
            f"About {duration(total)} of training"
            + (" for the others" if unknown else "")
            + f"; {at_once} at once: {duration(total / at_once)}, if they do not slow "
            "each other down. Start-up, final videos and plots come on top."
        )
    console.print("\n".join(say), highlight=False, soft_wrap=True)


def last_words(output: str) -> str:
    """The error at the end of what a command printed.

    From the last `error: ` on; without one, the last three lines.
    """
    lines = [x.rstrip() for x in output.splitlines() if x.strip()]
    starts = [i for i, x in enumerate(lines) if x.startswith("error: ")]
    return "\n".join(lines[starts[-1] :][:8] if starts else lines[-3:])


def _right(*headers: str) -> list[Column]:
    return [Column(x, justify="right") for x in headers]
