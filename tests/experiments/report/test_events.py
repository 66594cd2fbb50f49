from pathlib import Path

import numpy as np
import pytest

from experiments.report.arms import compare
from experiments.report.events import best_part, event_sections, last_half, parts
from experiments.report.runs import Kind, LoadedRun, Value

ROWS = 16


def run(signal: str, seed: int, **metrics: list[float]) -> LoadedRun:
    columns = {
        "steps": np.arange(1, ROWS + 1) * 10,
        "wall_time": np.arange(ROWS, dtype=float),
    }
    columns |= {name: np.array(x) for name, x in metrics.items()}
    settings: dict[str, Value] = {"world": Kind("envs.zoo:ZooConfig"), "seed": seed}
    settings["curiosity"] = Kind(f"a:{signal}")
    return LoadedRun(Path(f"{signal}-{seed}"), settings, columns)


def flat(first: float, second: float) -> list[float]:
    """One value in the first half of a run, another in the second."""
    return [first] * (ROWS // 2) + [second] * (ROWS // 2)


def test_the_last_half_and_the_best_eighth() -> None:
    values = [float(x) for x in range(ROWS)]
    values[4] = 100.0
    one = run("Rnd", 0, x=values)
    assert last_half(one, "x") == pytest.approx(np.mean(values[8:]))
    assert best_part(one, "x") == pytest.approx((100 + 5) / 2)
    assert last_half(one, "y") is None
    assert best_part(one, "y") is None
    gaps = [np.nan] * 12 + [1.0, np.nan, 3.0, 5.0]
    assert last_half(run("Rnd", 0, x=gaps), "x") == 3.0
    assert best_part(run("Rnd", 0, x=gaps), "x") == 4.0


def test_halves_and_eighths_are_of_the_run_and_not_of_what_was_logged() -> None:
    """A metric that is logged in the first five eighths alone has no other parts."""
    short = [float(x) if x < 10 else np.nan for x in range(ROWS)]
    one = run("Rnd", 0, x=short)
    assert last_half(one, "x") == pytest.approx((8 + 9) / 2)
    eighths = [(4 * i + 1) / 2 for i in range(5)]
    assert parts(one, "x") == [*eighths, None, None, None]
    one.columns["steps"][0] = 0  # what was measured before the first step
    assert parts(one, "x")[0] == eighths[0]
    gone = [1.0] * 8 + [np.nan] * 8
    assert last_half(run("Rnd", 0, x=gone), "x") is None


def test_what_episodes_came_to() -> None:
    name = "tally/trackers"
    runs = [
        run("Rnd", 1, **{name: flat(4, 2)}),
        run("Rnd", 0, **{name: flat(1, 3)}),
        run("Other", 0, **{name: flat(0, 1)}),
        run("Other", 1),
    ]
    [section] = event_sections(compare(runs))
    assert section.table is not None
    assert section.title.startswith(name)
    assert [x[1:] for x in section.table.rows] == [
        ("Rnd", "2", "2.5", "3.5", "0: 3 · 1: 2", "0: 3 · 1: 4"),
        ("Other", "1", "1", "1", "0: 1", "0: 1"),
    ]


def test_what_was_paid_for_events() -> None:
    noisy = {
        "event/noise/steps": flat(0.9, 0.2),
        "event/noise/bonus/rnd": flat(0, 0.8),
        "event/noise/raw/rnd": flat(0, 0.4),
        "event/never/steps": flat(0.1, 0.0),
        "event/never/bonus/rnd": flat(0.1, 0.0),
        "event/plain/steps": flat(0.1, 0.8),
        "event/plain/bonus/rnd": flat(1, 0.2),
        "event/plain/raw/rnd": flat(1, 0.6),
    }
    other = {**noisy, "event/noise/steps": flat(0, 0.6)}
    silent = {"event/noise/steps": flat(0, 0.5)}
    [section] = event_sections(
        compare(
            [run("Rnd", 0, **noisy), run("Rnd", 1, **other), run("No", 0, **silent)]
        )
    )
    assert section.table is not None
    assert [x[1:] for x in section.table.rows] == [
        ("Rnd", "noise", "rnd", "0.4", "0.8", "2", "1", "0: 0.8 · 1: 0.8"),
        ("Rnd", "plain", "rnd", "0.8", "0.2", "0.25", "0.75", "0: 0.2 · 1: 0.2"),
        ("No", "noise", "–", "0.5", "–", "–", "–", "–"),
    ]


def test_runs_without_events_have_no_such_sections() -> None:
    assert list(event_sections(compare([run("Rnd", 0)]))) == []
