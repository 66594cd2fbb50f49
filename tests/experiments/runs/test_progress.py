import io
from collections.abc import Callable

import pytest
from rich.console import Console

from experiments.runs.progress import ProgressBar, duration, short


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def console(terminal: bool) -> tuple[Console, Callable[[], str]]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=200), out.getvalue


def test_status_tells_where_training_is() -> None:
    clock = Clock()
    progress = ProgressBar(
        1_000_000, unit="env steps", counted=(4, "frames"), clock=clock
    )
    assert progress.status() == "0 / 1.00M env steps · 0 frames"
    clock.now += 2
    progress.reach(10_000, ["return 1.5", "bonus 0.123"])
    assert progress.status() == (
        "10.0k / 1.00M env steps · 40.0k frames · 5.00k steps/s · 3 min left · "
        "return 1.5 · bonus 0.123"
    )
    clock.now += 2
    progress.reach(20_000, ["return 2"])
    assert progress.status().endswith("left · return 2")


def test_a_step_that_counts_for_one_is_not_counted_twice() -> None:
    progress = ProgressBar(100, counted=(1, "frames"), clock=Clock())
    progress.reach(10)
    assert progress.status() == "10 / 100 steps"


def test_speed_is_recent_and_does_not_count_resumed_steps() -> None:
    clock = Clock()
    progress = ProgressBar(10**6, 500_000, clock=clock)
    assert progress.steps_per_second == 0
    env_steps = 500_000
    for rate in [100] * 50 + [10] * 50:
        clock.now += 1
        env_steps += rate
        progress.reach(env_steps)
        if env_steps in (500_100, 505_000):  # the first sample is still in, or not
            assert progress.steps_per_second == pytest.approx(100)
    assert progress.steps_per_second == pytest.approx(10)
    clock.now += 1000  # one update can take longer than the window
    progress.reach(env_steps + 1000)
    assert progress.steps_per_second == pytest.approx(1, rel=0.05)


def test_without_a_terminal_there_is_a_line_every_ten_seconds() -> None:
    clock = Clock()
    target, text = console(terminal=False)
    with ProgressBar(1000, console=target, clock=clock) as progress:
        for i in range(1, 26):
            clock.now += 1
            progress.reach(10 * i, ["bonus [0.5]"])
        progress.warn("latents [1, 2] have collapsed")
        progress.say("evaluated")
    lines = text().splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(" 10% 100 / 1.00k steps · 10 steps/s")
    assert lines[1].startswith(" 20% 200")
    assert lines[1].endswith("· bonus [0.5]")
    assert lines[2] == "warning: latents [1, 2] have collapsed"
    assert lines[3] == "evaluated"
    assert lines[4].startswith(" 25% 250")
    assert "\x1b" not in text()


def test_on_a_terminal_there_is_a_bar_with_warnings_above() -> None:
    target, text = console(terminal=True)

    def train() -> None:
        with ProgressBar(1000, console=target, clock=Clock()) as progress:
            progress.reach(400, ["return 7"])
            progress.warn("the bonus has collapsed")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train()
    shown = text()
    assert "40%" in shown
    assert "400 / 1.00k steps" in shown
    assert "return 7" in shown
    assert shown.index("the bonus has collapsed") < shown.rindex("400 / 1.00k")
    assert shown.count("\x1b[?25h") == 1  # the cursor is shown again


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (3.14159, "3.14"),
        (12.34, "12.3"),
        (999, "999"),
        (999.7, "1.00k"),
        (1234, "1.23k"),
        (12_345, "12.3k"),
        (999_999, "1.00M"),
        (99_960, "100k"),
        (2.5e9, "2.50G"),
    ],
)
def test_numbers_have_three_figures(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4, "4 s"), (61, "1 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert duration(100 * 3600) == "4 d 4 h"
