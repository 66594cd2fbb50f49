"""What a person watching a run wants to see, on a terminal or in a log file."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

EPISODES = 20  # finished episodes whose mean return is shown
RECENT_SECONDS = 30.0  # over which speed is measured
LINE_SECONDS = 10.0  # between lines where there is no terminal


class Progress:
    """A bar on a terminal; elsewhere a line every 10 seconds. Used in a `with`.

    Shows env steps and emulated frames so far, recent speed and the time left at that
    speed, the mean return of the last 20 episodes, and the intrinsic reward.
    """

    def __init__(
        self,
        total_env_steps: int,
        start_env_steps: int = 0,
        frames_per_step: int = 1,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to measure.

        Args:
            total_env_steps: where training will end, steps of all envs together.
            start_env_steps: where it begins; above 0 for a resumed run.
            frames_per_step: emulated frames per env step, see `EnvSpec`.
            console: where to print; default: standard output.
            clock: seconds, for tests.
        """
        self._total = total_env_steps
        self._frames_per_step = frames_per_step
        self._console = console or Console()
        self._clock = clock
        self._env_steps = start_env_steps
        self._samples = deque([(clock(), start_env_steps)])
        self._returns: deque[float] = deque(maxlen=EPISODES)
        self._bonus: float | None = None
        self._last_line = clock()
        self._bar: RichProgress | None = None
        if self._console.is_terminal:
            self._bar = RichProgress(
                TaskProgressColumn(),
                BarColumn(bar_width=20),
                TextColumn("{task.description}"),
                console=self._console,
            )
            self._task = self._bar.add_task(
                "starting", total=total_env_steps, completed=start_env_steps
            )

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

    def update(
        self,
        env_steps: int,
        metrics: Mapping[str, float],
        episode_returns: Iterable[float] = (),
    ) -> None:
        """Show where training is; call it after each update.

        Args:
            env_steps: steps of all envs together so far.
            metrics: of the update; `intrinsic/reward_mean` is shown.
            episode_returns: of the episodes that ended since the last call.
        """
        now = self._clock()
        self._env_steps = env_steps
        self._returns.extend(episode_returns)
        self._bonus = metrics.get("intrinsic/reward_mean", self._bonus)
        self._samples.append((now, env_steps))
        # Two samples at least, however long one update takes.
        while len(self._samples) > 2 and now - self._samples[1][0] > RECENT_SECONDS:
            self._samples.popleft()
        if self._bar:
            self._bar.update(self._task, completed=env_steps, description=self.status())
        elif now - self._last_line >= LINE_SECONDS:
            self._print_line()

    def warn(self, message: str) -> None:
        """Print a warning above the bar; it stays."""
        self._console.print(f"[yellow]warning:[/] {escape(message)}", highlight=False)

    def say(self, message: str) -> None:
        """Print a plain message above the bar; it stays."""
        self._console.print(escape(message), highlight=False)

    @property
    def env_steps_per_second(self) -> float:
        """Over the last half minute; 0 before the first update."""
        (begin, first), (end, last) = self._samples[0], self._samples[-1]
        return (last - first) / (end - begin) if end > begin else 0.0

    def status(self) -> str:
        """All that is shown, as one line."""
        shown = [f"{short(self._env_steps)} / {short(self._total)} env steps"]
        if self._frames_per_step > 1:
            frames = self._env_steps * self._frames_per_step
            shown.append(f"{short(frames)} frames")
        speed = self.env_steps_per_second
        if speed > 0:
            left = max(0, self._total - self._env_steps) / speed
            shown += [f"{short(speed)} steps/s", f"{duration(left)} left"]
        if self._returns:
            mean = sum(self._returns) / len(self._returns)
            shown.append(f"return {mean:.4g}")
        if self._bonus is not None and isfinite(self._bonus):
            shown.append(f"bonus {self._bonus:.3g}")
        return " · ".join(shown)

    def _print_line(self) -> None:
        self._last_line = self._clock()
        done = 100 * self._env_steps / max(1, self._total)
        # One line each, however narrow a log file is believed to be.
        self._console.print(f"{done:3.0f}% {self.status()}", soft_wrap=True)


def short(number: float) -> str:
    """`950`, `12.5k`, `3.20M`: three figures."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            figures = number / size
            decimals = 2 if figures < 9.995 else 1 if figures < 99.95 else 0
            return f"{figures:.{decimals}f}{unit}"
    return f"{number:.0f}"


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
