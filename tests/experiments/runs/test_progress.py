import io
from collections.abc import Callable

import pytest
from rich.console import Console

from experiments.runs.progress import Progress, duration, short


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
    progress = Progress(1_000_000, frames_per_step=4, clock=clock)
    assert progress.status() == "0 / 1.00M env steps · 0 frames"
    clock.now += 2
    progress.update(10_000, {"intrinsic/reward_mean": 0.1234}, [1.0, 2.0])
    assert progress.status() == (
        "10.0k / 1.00M env steps · 40.0k frames · 5.00k steps/s · 3 min left · "
        "return 1.5 · bonus 0.123"
    )
    clock.now += 2
    progress.update(20_000, {}, [3.0])
    assert "return 2 · bonus 0.123" in progress.status()


def test_the_return_is_of_the_last_twenty_episodes() -> None:
    progress = Progress(100, clock=Clock())
    progress.update(10, {}, [1000.0] * 7)
    progress.update(20, {}, [5.0] * 10)
    progress.update(30, {}, [6.0] * 10)
    assert "return 5.5" in progress.status()
    assert "frames" not in progress.status()


def test_speed_is_recent_and_does_not_count_resumed_steps() -> None:
    clock = Clock()
    progress = Progress(10**6, start_env_steps=500_000, clock=clock)
    assert progress.env_steps_per_second == 0
    env_steps = 500_000
    for rate in [100] * 50 + [10] * 50:
        clock.now += 1
        env_steps += rate
        progress.update(env_steps, {})
        if env_steps == 505_000:
            assert progress.env_steps_per_second == pytest.approx(100)
    assert progress.env_steps_per_second == pytest.approx(10)
    clock.now += 1000  # one update can take longer than the window
    progress.update(env_steps + 1000, {})
    assert progress.env_steps_per_second == pytest.approx(1, rel=0.05)


def test_without_a_terminal_there_is_a_line_every_ten_seconds() -> None:
    clock = Clock()
    target, text = console(terminal=False)
    with Progress(1000, console=target, clock=clock) as progress:
        for i in range(1, 26):
            clock.now += 1
            progress.update(10 * i, {"intrinsic/reward_mean": 0.5})
        progress.warn("latents [1, 2] have collapsed")
        progress.say("evaluated")
    lines = text().splitlines()
    assert len(lines) == 5
    assert lines[0].startswith(" 10% 100 / 1.00k env steps · 10 steps/s")
    assert lines[1].startswith(" 20% 200")
    assert lines[2] == "warning: latents [1, 2] have collapsed"
    assert lines[3] == "evaluated"
    assert lines[4].startswith(" 25% 250")
    assert "\x1b" not in text()


def test_on_a_terminal_there_is_a_bar_with_warnings_above() -> None:
    target, text = console(terminal=True)

    def train() -> None:
        with Progress(1000, console=target, clock=Clock()) as progress:
            progress.update(400, {"intrinsic/reward_mean": 0.5}, [7.0])
            progress.warn("the bonus has collapsed")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train()
    shown = text()
    assert "40%" in shown
    assert "400 / 1.00k env steps" in shown
    assert "return 7" in shown
    assert shown.index("the bonus has collapsed") < shown.rindex("400 / 1.00k")
    assert shown.count("\x1b[?25h") == 1  # the cursor is shown again


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
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
