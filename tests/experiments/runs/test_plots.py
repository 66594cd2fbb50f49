import os
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from experiments.runs.folder import RunFolder
from experiments.runs.logger import MetricLogger
from experiments.runs.panels import smooth
from experiments.runs.plots import plot_training


def test_smoothing_keeps_length_constants_and_slopes() -> None:
    assert smooth(np.full(7, 3.0), 4) == pytest.approx([3.0] * 7)
    np.testing.assert_allclose(smooth(np.arange(9.0), 3)[1:-1], np.arange(1.0, 8.0))
    np.testing.assert_allclose(smooth(np.array([1.0, 5.0]), 10), [3.0, 3.0])
    np.testing.assert_allclose(smooth(np.array([2.0]), 5), [2.0])
    rough = np.random.default_rng(0).normal(size=500)
    assert smooth(rough, 25).std() < 0.3


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
