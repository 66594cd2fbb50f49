import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from experiments.report.arms import Comparison, compare
from experiments.report.config import ReportConfig
from experiments.report.curves import axes_for
from experiments.report.parts import _along, draw_shares, draw_watched
from experiments.report.report import report
from experiments.report.runs import Kind, LoadedRun, Value
from experiments.runs.folder import RunFolder
from experiments.runs.logger import MetricLogger
from experiments.train.presets import train_config

WORLD = Kind("envs.zoo:ZooConfig")
STRONG, PALE = [0.835, 0.369, 0.0], [0.659, 0.773, 0.867]  # first area, second


def looked(
    signal: str,
    seed: int,
    share: float,
    size: int = 3,
    rows: int = 50,
    more: Mapping[str, np.ndarray] | None = None,
) -> LoadedRun:
    """A run that gave one part this share of its steps, and another one the rest."""
    columns = {
        "steps": np.arange(1, rows + 1) * 40,
        "wall_time": np.arange(rows, dtype=float),
        "share/in_view/runner": np.full(rows, share),
        "share/in_view/noise": np.full(rows, 1 - share),
        **(more or {}),
    }
    settings: dict[str, Value] = {"world": WORLD, "world.size": size, "seed": seed}
    settings["curiosity"] = Kind(f"a:{signal}")
    return LoadedRun(Path(f"{signal}-{seed}"), settings, columns)


def colored(file: Path, color: list[float]) -> float:
    pixels = matplotlib.image.imread(file)[..., :3]
    return float((np.abs(pixels - color).max(-1) < 0.02).mean())


def test_shares_are_means_over_the_runs_of_an_arm(tmp_path: Path) -> None:
    runs = [looked("Rnd", 0, 0.2), looked("Rnd", 1, 0.6)]
    [file] = draw_shares(compare(runs), tmp_path)
    assert file.name == "shares-in-view-1-Zoo.png"
    strong, pale = colored(file, STRONG), colored(file, PALE)
    assert strong + pale > 0.4
    assert strong / (strong + pale) == pytest.approx(0.4, abs=0.03)


def test_a_picture_for_each_world_and_a_panel_for_each_arm(tmp_path: Path) -> None:
    runs = [looked(x, 0, 1.0, size) for x in ("A", "B", "C", "D") for size in (3, 4)]
    files = list(draw_shares(compare(runs), tmp_path))
    assert [x.name[:16] for x in files] == ["shares-in-view-1", "shares-in-view-2"]
    one = matplotlib.image.imread(next(draw_shares(compare(runs[:1]), tmp_path)))
    four = matplotlib.image.imread(files[0])
    assert four.shape[0] > 1.5 * one.shape[0]
    pixels = four[..., :3]
    strong = np.abs(pixels - STRONG).max(-1) < 0.02
    half, middle = (x // 2 for x in strong.shape)
    for rows in (strong[:half], strong[half:]):
        for panel in (rows[:, :middle], rows[:, middle:]):
            assert panel.mean() > 0.3


def test_shares_end_where_runs_end(tmp_path: Path) -> None:
    short, long = looked("A", 0, 1.0, rows=25), looked("B", 0, 1.0, rows=50)
    [file] = draw_shares(compare([short, long]), tmp_path)
    strong = np.abs(matplotlib.image.imread(file)[..., :3] - STRONG).max(-1) < 0.02
    middle = strong.shape[1] // 2
    left, right = strong[:, :middle].sum(), strong[:, middle:].sum()
    assert left == pytest.approx(right / 2, rel=0.15)


def test_arms_that_have_logged_nothing_have_no_panel(tmp_path: Path) -> None:
    silent = {f"share/in_view/{x}": np.full(50, np.nan) for x in ("runner", "noise")}
    with_silent = compare([looked("A", 0, 1.0), looked("B", 0, 1.0, more=silent)])
    [file] = draw_shares(with_silent, tmp_path)
    [alone] = draw_shares(compare([looked("A", 0, 1.0)]), tmp_path / "..")
    shape = matplotlib.image.imread(file).shape
    assert matplotlib.image.imread(alone).shape == shape
    alone.unlink()
    nothing = compare([looked("B", 0, 1.0, more=silent)])
    assert list(draw_shares(nothing, tmp_path)) == []
    assert list(draw_watched(nothing, tmp_path)) == []


def watched(*values: tuple[int, float], seed: int = 0) -> LoadedRun:
    loss = np.full(50, np.nan)
    for row, value in values:
        loss[row] = value
    return looked("A", seed, 0.5, more={"watched/runner": loss})


def along(*runs: LoadedRun) -> tuple[np.ndarray, np.ndarray]:
    return _along(runs, "watched/runner", axes_for(runs)[0])


def test_losses_are_drawn_where_they_were_measured() -> None:
    """A run lies on the line between its own values, in logarithms; not beyond them."""
    one = watched((4, 1.0), (14, 0.01), (19, 0.1))
    two = watched((4, 2.0), (9, 4.0), (14, 8.0), seed=1)
    grid, rows = along(one, two)
    np.testing.assert_array_equal(grid, [200, 400, 600, 800])
    np.testing.assert_allclose(rows[0], [1.0, 0.1, 0.01, 0.1])
    np.testing.assert_allclose(rows[1], [2.0, 4.0, 8.0, np.nan])
    _, rows = along(watched((4, -1.0), (14, 1.0)), watched((9, 4.0), seed=1))
    np.testing.assert_allclose(rows[0], [-1.0, 0.0, 1.0])
    far = watched((19, 1.0), seed=1)
    grid, rows = along(watched((4, 1.0)), far)
    np.testing.assert_array_equal(grid, [200, 800])
    many = looked("A", 0, 0.5, rows=500, more={"watched/runner": np.ones(500)})
    assert len(along(many)[0]) == 100


def test_a_panel_for_each_part(tmp_path: Path) -> None:
    losses = {
        f"watched/{x}": np.linspace(1, 0.1, 50) for x in ("runner", "noise", "wall")
    }
    runs = [looked(x, i, 0.5, more=losses) for x in ("A", "B") for i in range(3)]
    [file] = draw_watched(compare(runs), tmp_path)
    assert file.name == "watched-1-Zoo.png"
    three = matplotlib.image.imread(file).shape
    few = [looked(x, 0, 0.5, more={"watched/runner": np.ones(50)}) for x in ("A", "B")]
    [file] = draw_watched(compare(few), tmp_path)
    one = matplotlib.image.imread(file).shape
    assert three[1] > 1.5 * one[1]


def test_worlds_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    comparison = compare([looked("A", 0, 1.0, 3), looked("A", 0, 0.0, 4)])
    same = Comparison(
        comparison.axes,
        comparison.task,
        tuple(
            type(x)(x.run, x.arm, task)
            for x, task in zip(comparison.entries, ("a zoo", "a-zoo"), strict=True)
        ),
        (),
    )
    first, second = draw_shares(same, tmp_path)
    assert colored(first, STRONG) > 0.4 > 0.1 > colored(second, STRONG)


def test_a_report_shows_parts_where_there_are_some(tmp_path: Path) -> None:
    runs = []
    for preset in ("rnd", "ppo"):
        for seed in range(2):
            config = train_config(preset, size="debug", world="attention")
            run = RunFolder.create(tmp_path / "runs", preset, seed, config)
            runs.append(str(run.path))
            logger = MetricLogger(run)
            for i in range(1, 30):
                row = {"episode/return": 0.0, "share/in_view/reaching": 1.0}
                logger.log(40 * i, row | {"watched/reaching": 1 / i})
            logger.close()

    def sections(**changes: Any) -> tuple[str, set[str]]:
        out = tmp_path / "out"
        config = ReportConfig(tuple(runs), out=out, **changes)
        folder = report(config, Console(file=io.StringIO())).folder
        page = (folder / "report.md").read_text("utf-8")
        shown = set(re.findall(r"!\[.*\]\((.*)\)", page))
        for file in folder.iterdir():
            file.unlink()
        return page, shown

    page, shown = sections()
    assert "## Parts of the worlds" in page
    begins = {x.partition("-1-")[0] for x in shown if "-1-" in x}
    assert begins == {"shares-in-view", "watched"}
    page, shown = sections(figures=False)
    assert "Parts of the worlds" not in page
    assert not shown
