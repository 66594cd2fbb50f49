"""What a person watching a run wants to see, on a terminal or in a log file."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from math import isfinite

from rich.console import Console

from experiments.runs.step_bar import LINE_SECONDS as LINE_SECONDS
from experiments.runs.step_bar import StepBar

EPISODES = 20  # finished episodes whose mean return is shown


class Progress(StepBar):
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
        super().__init__(total_env_steps, start_env_steps, console, clock)
        self._frames_per_step = frames_per_step
        self._returns: deque[float] = deque(maxlen=EPISODES)
        self._bonus: float | None = None

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
        self._returns.extend(episode_returns)
        self._bonus = metrics.get("intrinsic/reward_mean", self._bonus)
        self.reach(env_steps)

    @property
    def env_steps_per_second(self) -> float:
        """Over the last half minute; 0 before the first update."""
        return self.steps_per_second

    def status(self) -> str:
        """All that is shown, as one line."""
        shown = [f"{short(self.done)} / {short(self.total)} env steps"]
        if self._frames_per_step > 1:
            shown.append(f"{short(self.done * self._frames_per_step)} frames")
        speed = self.steps_per_second
        if speed > 0:
            shown += [f"{short(speed)} steps/s", f"{duration(self.seconds_left)} left"]
        if self._returns:
            mean = sum(self._returns) / len(self._returns)
            shown.append(f"return {mean:.4g}")
        if self._bonus is not None and isfinite(self._bonus):
            shown.append(f"bonus {self._bonus:.3g}")
        return " · ".join(shown)


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
