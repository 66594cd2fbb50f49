"""Draws images/tracker_maze.png: `python docs/tracker_maze_figure.py`."""

from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from envs.tiles.trackers.config import TrackerMazeConfig
from envs.tiles.trackers.layout import COLUMNS, LEFT, ROOMS, ROWS, SIDE, TOP
from envs.tiles.trackers.world import TrackerWorld

FILE = Path(__file__).parent / "images" / "tracker_maze.png"
PLACES = {  # (y, x), counted from the corner of the first room
    "amid movers": (2, 2),
    "before the second tracker": (2, 12),
    "before a block": (4, 16),
    "in the fourth room": (1, 19),
}


def draw(world: TrackerWorld, cells: Tensor) -> Tensor:
    """Views `[N, H, W, 3]` from cells, as they are when an episode begins."""
    state = world.start(len(cells), torch.Generator(), None)
    return world.render(state._replace(place=cells)).permute(0, 2, 3, 1)


def main() -> None:
    """The whole maze, put together from the right columns of views, and four views."""
    env = TrackerMazeConfig(movers=8, pixels=80, staggered=False).build(1, "cpu")
    world, tile = env.world, 16
    assert isinstance(world, TrackerWorld)
    # Each cell is taken from a view whose agent stands two cells up and to the left.
    shown = [(y, x) for y in range(TOP - 1, TOP + SIDE + 1) for x in range(2, COLUMNS)]
    cells = torch.tensor([(y - 2) * COLUMNS + x - 2 for y, x in shown])
    corners = draw(world, cells)[:, -tile:, -tile:]
    maze = corners.view(SIDE + 2, -1, tile, tile, 3).transpose(1, 2)
    maze = maze.flatten(2, 3).flatten(0, 1)[:, : tile * (ROOMS * (SIDE + 1) + 1)]
    spots = [(TOP + y) * COLUMNS + LEFT + x for y, x in PLACES.values()]
    assert max(spots) < ROWS * COLUMNS
    views = draw(world, torch.tensor(spots))
    figure = Figure(figsize=(10, 4.9), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, len(views))
    pictures = [maze, *views]
    spaces = [grid[0, :], *[grid[1, i] for i in range(len(views))]]
    titles = ["the maze, with eight movers in the first two rooms", *PLACES]
    for space, title, picture in zip(spaces, titles, pictures, strict=True):
        ax = figure.add_subplot(space)
        ax.imshow(picture.numpy(), interpolation="nearest")
        ax.set_title(title, fontsize=9)
        ax.set_axis_off()
    figure.savefig(FILE, dpi=100)


if __name__ == "__main__":
    main()
