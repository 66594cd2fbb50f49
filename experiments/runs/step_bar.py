"""A bar for a person who watches steps go by, on a terminal or in a log file."""

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

RECENT_SECONDS = 30.0  # over which speed is measured
LINE_SECONDS = 10.0  # between lines where there is no terminal


class StepBar(ABC):
    """A bar on a terminal; elsewhere a line every 10 seconds. Used in a `with`."""

    def __init__(
        self,
        total: int,
        start: int = 0,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to measure.

        Args:
            total: steps at which all is done.
            start: steps at which it begins; above 0 for a resumed run.
            console: where to print; default: standard output.
            clock: seconds, for tests.
        """
        self.total, self.done = total, start
        self._console = console or Console()
        self._clock = clock
        self._samples = deque([(clock(), start)])
        self._last_line = clock()
        self._bar: RichProgress | None = None
        if self._console.is_terminal:
            self._bar = RichProgress(
                TaskProgressColumn(),
                BarColumn(bar_width=20),
                TextColumn("{task.description}"),
                console=self._console,
            )
            self._task = self._bar.add_task("starting", total=total, completed=start)

    @abstractmethod
    def status(self) -> str:
        """All that is shown, as one line."""

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

    def reach(self, steps: int) -> None:
        """So many steps are done by now: measure the speed, and show it."""
        now = self._clock()
        self.done = steps
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

    @property
    def seconds_left(self) -> float:
        """At the recent speed; 0 where none is known."""
        speed = self.steps_per_second
        return max(0, self.total - self.done) / speed if speed > 0 else 0.0

    def _print_line(self) -> None:
        self._last_line = self._clock()
        done = 100 * self.done / max(1, self.total)
        # One line each, however narrow a log file is believed to be.
        self._console.print(f"{done:3.0f}% {self.status()}", soft_wrap=True)
