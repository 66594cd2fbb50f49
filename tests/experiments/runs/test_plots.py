import os
from pathlib import Path

import matplotlib.image
import pytest

from experiments.runs.folder import RunFolder
from experiments.runs.logger import MetricLogger
from experiments.runs.plots import plot_training


def picture(run: RunFolder) -> tuple[int, float]:
    """Height, and how much of it is drawn on."""
    path = plot_training(run)
    assert path == run.plots / "training.png"
    assert os.listdir(run.plots) == ["training.png"]
    pixels = matplotlib.image.imread(path)[..., :3]
    return pixels.shape[0], float((pixels.min(-1) < 0.95).mean())


def logged(path: Path, rows: list[dict[str, float]]) -> RunFolder:
    run = RunFolder(path)
    path.mkdir()
    logger = MetricLogger(run)
    for i, row in enumerate(rows):
        logger.log(1000 * i, row)
    logger.close()
    return run


def test_what_is_known_is_drawn(tmp_path: Path) -> None:
    full = logged(
        tmp_path / "full",
        [
            {
                "episode/return": i % 7,
                "intrinsic/rnd/reward_mean": 1 / (i + 1),
                "intrinsic/rnd/raw_mean": 2 / (i + 1),
            }
            | ({"evaluate/return_mean": i, "evaluate/rooms": i} if i % 9 == 0 else {})
            for i in range(100)
        ],
    )
    few = logged(tmp_path / "few", [{"episode/return": 1.0}])
    gaps = logged(tmp_path / "gaps", [{"episode/return": float("nan")}, {}])
    empty = RunFolder(tmp_path / "empty")
    sizes = {x.path.name: picture(x) for x in (full, few, gaps, empty)}
    assert sizes["full"][0] > 3 * sizes["few"][0] * 0.8
    assert sizes["gaps"][1] == pytest.approx(sizes["empty"][1], rel=0.3)
    assert sizes["empty"][1] < sizes["few"][1] < 0.3
    assert picture(full) == sizes["full"]  # drawn again over the old one


def test_who_was_looked_at_is_drawn(tmp_path: Path) -> None:
    """A panel of areas and one of the loss of each part, and nothing else."""
    rows = [
        {"share/in_view/runner": 0.25, "share/in_view/noise": 0.75}
        | ({"watched/runner": 1 / (i + 1), "watched/noise": 1.0} if i % 9 == 0 else {})
        for i in range(60)
    ]
    run = logged(tmp_path / "looking", rows)
    height, drawn = picture(run)
    one, _ = picture(logged(tmp_path / "one", [{"episode/return": 1.0}]))
    two, _ = picture(
        logged(tmp_path / "two", [{"episode/return": 1.0, "pretrain/loss": 1.0}])
    )
    assert one < height == two
    assert drawn > 0.3  # areas
    pixels = matplotlib.image.imread(run.plots / "training.png")[..., :3]
    strong = (abs(pixels - [0.835, 0.369, 0.0]).max(-1) < 0.02).mean()
    pale = (abs(pixels - [0.659, 0.773, 0.867]).max(-1) < 0.02).mean()
    assert pale == pytest.approx(3 * strong, rel=0.15)
