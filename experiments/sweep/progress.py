"""The progress bars of a sweep: one for the whole grid, one for each running cell."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

from experiments.runs.progress import duration, short
from experiments.sweep.cell import Cell
from experiments.sweep.folder import State, SweepFolder
from experiments.sweep.swept_commands import swept_command

LOOK_SECONDS = 1.0  # between looks at the files of running cells
RECENT_SECONDS = 120.0  # over which speed is measured
LINE_SECONDS = 30.0  # between lines where there is no terminal
_TAIL = 65_536  # bytes in which the last whole row of metrics is looked for


class SweepProgress:
    """Progress bars of the grid and of each running cell; lines where no terminal is.

    Used in a `with`. How far a cell is comes from its metrics, which it writes anyway.
    """

    def __init__(
        self,
        sweep: SweepFolder,
        cells: Sequence[Cell],
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to measure.

        Args:
            sweep: the folder.
            cells: all of the grid, those done before included.
            console: where to print.
            clock: seconds, for tests.
        """
        self._sweep, self._cells, self._console = sweep, cells, console
        self._clock = clock
        self._unit = swept_command(cells[0].command).unit if cells else "env steps"
        self._budget = {x.name: x.budget for x in cells}
        status = {x.name: sweep.status(x) for x in cells}
        self._done = {k for k, x in status.items() if x.state is State.DONE}
        self._steps = {
            k: self._budget[k] if k in self._done else min(x.steps, self._budget[k])
            for k, x in status.items()
        }
        self._failed: set[str] = set()
        self._waited = False
        self._samples = deque([(clock(), sum(self._steps.values()))])
        self._last_look = self._last_line = clock()
        self._tasks: dict[str, TaskID] = {}
        self._bar: RichProgress | None = None
        if console.is_terminal:
            self._bar = RichProgress(
                TaskProgressColumn(),
                BarColumn(bar_width=20),
                TextColumn("{task.description}", markup=False),
                console=console,
            )
            total = sum(self._budget.values())
            self._whole = self._bar.add_task(self.line(), total=total)

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the last state on the screen, also after an error."""
        if self._bar:
            self._show([])
            self._bar.stop()
        else:
            self._print_line()

    @property
    def failed(self) -> frozenset[str]:
        """Cells given up, by name."""
        return frozenset(self._failed)

    def update(self, running: Sequence[Cell]) -> None:
        """Look at the running cells; cheap enough to be called often."""
        now = self._clock()
        if now - self._last_look < LOOK_SECONDS:
            return
        self._last_look = now
        for cell in running:
            steps = logged_steps(self._sweep.cell(cell))
            self._steps[cell.name] = min(steps, cell.budget)
        self._sample(now)
        if self._bar:
            self._show(running)
        elif now - self._last_line >= LINE_SECONDS:
            self._print_line()

    def done(self, cell: Cell) -> None:
        """A cell has nothing left to do."""
        self._done.add(cell.name)
        self._steps[cell.name] = cell.budget
        self._sample(self._clock())
        self._say(f"done      {cell.name}")

    def stopped(self, cell: Cell, steps: int) -> None:
        """A cell ended early, as was asked."""
        self._steps[cell.name] = steps
        self._say(f"stopped   {cell.name} at {steps:,} {self._unit}")

    def retrying(self, cell: Cell, why: str) -> None:
        """A cell failed and will be tried again."""
        self._say(f"failed    {cell.name} ({why}); will be tried again")

    def gave_up(self, cell: Cell, why: str) -> None:
        """A cell failed for the last time."""
        self._failed.add(cell.name)
        self._say(f"failed    {cell.name} ({why})")

    def waiting(self, cells: Iterable[Cell]) -> None:
        """All that is left is being run by somebody else; said once."""
        if not self._waited:
            self._waited = True
            names = ", ".join(x.name for x in cells)
            self._say(f"waiting for other processes, which run {names}")

    def line(self) -> str:
        """The whole grid, in one line."""
        steps, total = sum(self._steps.values()), sum(self._budget.values())
        shown = [
            f"{len(self._done)} of {len(self._cells)} cells",
            f"{short(steps)} / {short(total)} {self._unit}",
        ]
        (begin, first), (end, last) = self._samples[0], self._samples[-1]
        if end > begin and last > first:
            speed = (last - first) / (end - begin)
            given_up = sum(self._budget[x] - self._steps[x] for x in self._failed)
            left = max(0, total - steps - given_up) / speed
            shown += [f"{short(speed)} steps/s", f"{duration(left)} left"]
        if self._failed:
            shown.append(f"{len(self._failed)} failed")
        return " · ".join(shown)

    def _sample(self, now: float) -> None:
        self._samples.append((now, sum(self._steps.values())))
        while len(self._samples) > 2 and now - self._samples[1][0] > RECENT_SECONDS:
            self._samples.popleft()

    def _show(self, running: Sequence[Cell]) -> None:
        assert self._bar is not None
        names = {x.name for x in running}
        for name in set(self._tasks) - names:
            self._bar.remove_task(self._tasks.pop(name))
        for name in names:
            if name not in self._tasks:
                self._tasks[name] = self._bar.add_task(name, total=self._budget[name])
            done, total = self._steps[name], self._budget[name]
            about = f"{name} · {short(done)} / {short(total)}"
            self._bar.update(self._tasks[name], completed=done, description=about)
        whole = sum(self._steps.values())
        line = self.line()
        self._bar.update(self._whole, completed=whole, description=line, refresh=True)

    def _say(self, message: str) -> None:
        self._console.print(message, highlight=False, markup=False, soft_wrap=True)

    def _print_line(self) -> None:
        self._last_line = self._clock()
        steps, total = sum(self._steps.values()), sum(self._budget.values())
        self._say(f"{100 * steps / max(1, total):3.0f}% {self.line()}")


def logged_steps(folder: Path) -> int:
    """Env steps in the last whole row of metrics of the newest run in a cell's folder.

    0 before there is one.
    """
    files = sorted(folder.glob("*/metrics.jsonl"))
    if not files:
        return 0
    with files[-1].open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        lines = file.read().split(b"\n")[:-1]  # what follows the last end is not whole
    try:
        return int(json.loads(lines[-1])["steps"]) if lines else 0
    except (ValueError, KeyError):  # damaged: whoever resumes it will say so
        return 0
