"""Pictures of ways: x goes to the right, y down, from the start to the goal."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from agents.seeking import Sought
from experiments.plan.drawing import draw_ways

SIDE, LEGEND = 28, 60  # pixels of a frame; rows of the picture that say what is what
START, GOAL, WAY = (0, 114, 178), (213, 94, 0), (0, 158, 115)


def sought(way: torch.Tensor, goal: torch.Tensor, steps: int) -> Sought:
    """Of one start, along places `[R, 2]`."""
    blank = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.uint8)
    return Sought(
        reached=torch.tensor([True]),
        steps=torch.tensor([steps]),
        start=blank,
        last=blank,
        goal=blank,
        facts={"place": way.unsqueeze(1)},
        goal_facts={"place": goal.unsqueeze(0)},
        drawn_again=0,
        seconds=0.0,
    )


def middle(picture: np.ndarray, colour: tuple[int, int, int]) -> tuple[float, float]:
    """(x, y) of all that has a colour."""
    rows, columns = np.nonzero((picture == colour).all(-1))
    return float(columns.mean()), float(rows.mean())


def test_a_way_is_drawn_where_it_went(tmp_path: Path) -> None:
    """Five steps to the right along the upper edge; what came later is left out."""
    way = torch.tensor([[4.0 * t + 2, 6.0] for t in range(6)] + [[2.0, 26.0]] * 3)
    draw_ways(tmp_path / "ways.png", sought(way, torch.tensor([25.0, 20.0]), 5), 1)
    with Image.open(tmp_path / "ways.png") as image:
        picture = np.asarray(image.convert("RGB"))[:-LEGEND]
    rows, columns = np.nonzero((picture == WAY).all(-1))
    assert columns.max() - columns.min() > 60
    assert rows.max() - rows.min() < 10
    (x, y), (aim_x, aim_y) = middle(picture, START), middle(picture, GOAL)
    assert x < columns.min() + 10
    assert abs(y - rows.mean()) < 4
    assert aim_x > columns.max() - 4
    assert aim_y > rows.max() + 40
