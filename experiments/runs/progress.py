"""The progress bar of whatever goes step by step: on a terminal, or in a log file."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

RECENT_SECONDS = 30.0  # over which speed is measured
LINE_SECONDS = 10.0  # between lines where there is no terminal


class ProgressBar:
    """A bar on a terminal; elsewhere a line every 10 seconds. Used in a `with`.

    Shows steps so far, recent speed and the time left at that speed, and whatever else
    it is given to show.
    """

    def __init__(
        self,
        total: int,
        start: int = 0,
        unit: str = "steps",
        counted: tuple[int, str] = (1, ""),
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to measure.

        Args:
            total: steps at which all is done.
            start: steps at which it begins; above 0 for a resumed run.
            unit: what steps are called.
            counted: how much of what a step is beside, such as `(4, "frames")`.
            console: where to print; default: standard output.
            clock: seconds, for tests.
        """
        self.total, self.done = total, start
        self._unit, self._counted = unit, counted
        self._console = console or Console()
        self._clock = clock
        self._samples = deque([(clock(), start)])
        self._last_line = clock()
        self._shown: Sequence[str] = ()
        self._bar: RichProgress | None = None
        if self._console.is_terminal:
            self._bar = RichProgress(
                TaskProgressColumn(),
                BarColumn(bar_width=20),
                TextColumn("{task.description}", markup=False),
                console=self._console,
            )
            self._task = self._bar.add_task("starting", total=total, completed=start)

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
            self._bar.stop()
        else:
            self._print_line()

    def reach(self, steps: int, shown: Sequence[str] = ()) -> None:
        """So many steps are done by now: measure the speed, and show it.

        Args:
            steps: so far.
            shown: what else a person wants to see, such as `return 1.5`.
        """
        now = self._clock()
        self.done, self._shown = steps, shown
        self._samples.append((now, steps))
        # Two samples at least, however long one update takes.
        while len(self._samples) > 2 and now - self._samples[1][0] > RECENT_SECONDS:
            self._samples.popleft()
        if self._bar:
            self._bar.update(self._task, completed=steps, description=self.status())
        elif now - self._last_line >= LINE_SECONDS:
            self._print_line()

    def warn(self, message: str) -> None:
        """Print a warning above the bar; it stays."""
        self._console.print(f"[yellow]warning:[/] {escape(message)}", highlight=False)

    def say(self, message: str) -> None:
        """Print a plain message above the bar; it stays."""
        self._console.print(escape(message), highlight=False)

    @property
    def steps_per_second(self) -> float:
        """Over the last half minute; 0 before the first update."""
        (begin, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - begin) if end > begin else 0.0

    def status(self) -> str:
        """All that is shown, as one line."""
        shown = [f"{short(self.done)} / {short(self.total)} {self._unit}"]
        number, what = self._counted
        if number > 1:
            shown.append(f"{short(self.done * number)} {what}")
        speed = self.steps_per_second
        if speed > 0:
            left = duration(max(0, self.total - self.done) / speed)
            shown += [f"{short(speed)} steps/s", f"{left} left"]
        return " · ".join([*shown, *self._shown])

    def _print_line(self) -> None:
        self._last_line = self._clock()
        done = 100 * self.done / max(1, self.total)
        # One line each, however narrow a log file is believed to be.
        self._console.print(
            f"{done:3.0f}% {self.status()}", soft_wrap=True, markup=False
        )


def short(number: float) -> str:
    """`4`, `950`, `12.5k`, `3.20M`: three figures at most."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            figures = number / size
            decimals = 2 if figures < 9.995 else 1 if figures < 99.95 else 0
            return f"{figures:.{decimals}f}{unit}"
    return f"{number:.3g}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"
