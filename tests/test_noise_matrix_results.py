"""From a slice of the noise matrix to the tables of the docs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import main
from experiments.sweep.changes import changed_grid
from experiments.sweep.grid import grid_file, read_grid
from tests.scripts import script

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_slice_of_the_matrix_runs_with_a_signal_of_ones_own(tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    said = (
        *("sweep", "noise-matrix", "--out", str(out), "--processes", "2"),
        *("--only", "noise=no-op", "signal=byol-hindsight,random,mine"),
        *("--add", "signal.mine=rnd --signal-encoder vector --agent.core.size 32"),
        *("--seeds", "0", "--retries", "0"),
    )
    assert main(said) == 0
    lines = {x["signal"]: x for x in script("collect_noise_matrix").collected(out)}
    assert set(lines) == {"byol-hindsight", "random", "mine"}
    for line in lines.values():
        assert line["env_steps"] >= 190_000
        assert line["noise/steps"] == line["noop/steps"]
        assert 0 <= line["trackers"] <= line["trackers_best"] <= 4
    assert lines["random"]["noop/steps"] == pytest.approx(0.2, abs=0.01)
    assert "noise/bonus" not in lines["random"]
    assert 0 <= lines["mine"]["noise/bonus"] <= 1
    assert abs(lines["byol-hindsight"]["information"]) < 2


def test_the_ablation_is_run_with_two_noises() -> None:
    grid = read_grid(grid_file(Path("noise-matrix")))
    assert grid.seeds == (20, 21, 22, 23, 24)
    ablation = changed_grid(grid, ["signal=invariance-paid"])
    assert {x.values["noise"] for x in ablation.combinations()} == {"none", "no-op"}
    assert len(grid.combinations()) == 5 * 19 + 2


def runs() -> Iterator[dict[str, Any]]:
    """Two seeds of two signals without noise, and with noise on demand."""
    for noise, signal, trackers, no_ops in (
        ("none", "byol-explore", (3.0, 1.0), (0.2, 0.2)),
        ("none", "byol-hindsight", (2.0, 1.0), (0.2, 0.1)),
        ("no-op", "byol-explore", (0.0, 1.0), (0.6, 0.4)),
        ("no-op", "byol-hindsight", (2.0, 2.0), (0.3, 0.4)),
    ):
        for seed in (21, 20):
            best, share = trackers[seed - 20], no_ops[seed - 20]
            yield {
                "noise": noise,
                "signal": signal,
                "seed": seed,
                "trackers": best / 2,
                "trackers_best": best,
                "noop/steps": share,
                "noise/steps": share if noise == "no-op" else 0.0,
                "noise/bonus": 0.9 if noise == "no-op" else 0.0,
                "plain/steps": 1 - share,
                "plain/bonus": 0.1 if noise == "no-op" else 1.0,
                "seconds": 10.0 * (seed - 19),
            }


def test_means_are_over_seeds_and_seeds_stand_in_order() -> None:
    tables = script("noise_matrix_tables")
    results = tables.Results(tuple(runs()))
    rows = list(tables.matrix(results, "trackers_best"))
    assert rows[0] == "| | no noise | no-op patterns |"
    assert rows[2] == "| BYOL-Explore | 2.00 | 0.50 |"
    assert rows[3] == "| BYOL-Hindsight | 1.50 | 2.00 |"
    assert len(rows) == 4  # of signals that were run
    [_, _, explore, _] = tables.seed_table(results, "none")
    assert explore == (
        "| BYOL-Explore | 3.00, 1.00 | 2.00 | 1.50, 0.50 | 1.00 | 0.20 | 15 |"
    )


def test_what_is_paid_is_in_means_of_all_steps() -> None:
    tables = script("noise_matrix_tables")
    head, _, explore, hindsight = tables.event_table(
        tables.Results(tuple(runs())), "no-op"
    )
    assert head == "| | noise | plain |"
    assert explore == "| BYOL-Explore | 1.80 (0.500) | 0.20 (0.500) |"
    assert hindsight == "| BYOL-Hindsight | 2.57 (0.350) | 0.15 (0.650) |"


def test_gates_pass_and_fail_where_they_should() -> None:
    tables = script("noise_matrix_tables")
    found = [(x.value, x.verdict) for x in tables.gates(tables.Results(tuple(runs())))]
    assert [x for _, x in found] == [
        *("pass", "FAIL", "pass", "not run", "pass", "FAIL"),
    ]
    assert found[2][0] == pytest.approx(-0.5)
    assert found[4][0] == pytest.approx(2.5)
    assert found[5][0] == pytest.approx(1.75)


def test_the_page_has_the_tables() -> None:
    tables = script("noise_matrix_tables")
    page = (ROOT / "docs/noise_matrix.md").read_text("utf-8")
    for about, lines in tables.tables(tables.read()):
        assert "\n".join(lines) in page, about


def test_the_readme_has_rows_of_the_matrix() -> None:
    tables = script("noise_matrix_tables")
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = list(tables.matrix(tables.read(), "trackers_best"))
    for signal in ("byol-explore", "byol-hindsight", "rnd", "disagreement", "random"):
        [row] = [x for x in rows if x.startswith(f"| {tables.SIGNALS[signal]} |")]
        assert row in readme


def test_the_page_has_the_table_from_pixels() -> None:
    pixels = script("noise_pixels_table")
    page = (ROOT / "docs/noise_matrix.md").read_text("utf-8")
    assert "\n".join(pixels.table(pixels.read())) in page


def test_rooms_from_pixels_are_those_of_the_best_and_the_last_round() -> None:
    pixels = script("noise_pixels_table")
    lines = [
        {
            **{"noise": "no-op", "signal": "byol-explore", "seed": seed},
            **{"rooms_rounds": rounds, "rooms_random": 1.5, "seconds": 10.0},
            **{"noise/steps": 0.5, "noise/bonus": 0.75},
        }
        for seed, rounds in ((21, [1.0, 3.0, 2.0]), (20, [1.0, 2.0, 1.0]))
    ]
    assert list(pixels.table(lines))[2:] == [
        "| no-op patterns | BYOL-Explore | 2.00, 3.00 | 2.50 | 1.00, 2.00 | 1.50 "
        "| 1.50 | 0.50 | 0.75 | 10 |"
    ]
