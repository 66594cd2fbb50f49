"""The pictures: a grid over time, a GIF of the same, and curves of errors."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from experiments.picture.layout import Layout
from world_models.pictures.drawn import Drawn
from world_models.pictures.errors import (
    IMAGINED,
    MEAN,
    OTHERWISE,
    RECONSTRUCTED,
    STAYS,
)

_MILLISECONDS = 250  # of a GIF's frame
_CURVES = {
    IMAGINED: ("imagined", "#0072b2", "o-"),
    RECONSTRUCTED: ("reconstructed", "#009e73", "o-"),
    OTHERWISE: ("imagined, another's actions", "#d55e00", "-"),
    STAYS: ("first frame stays", "#7a6a00", "--"),
    MEAN: ("mean image", "#777777", ":"),
}
_ROWS = ("true", "reconstructed", "imagined")


def grid_of(drawn: Drawn) -> tuple[Layout, NDArray[np.uint8]]:
    """Three rows for each trajectory, a column for each step; and how they lie."""
    rows, num = _arrays(drawn), drawn.true.shape[1]
    steps = len(drawn.true)
    shape = _shape(drawn)
    layout = Layout(shape, _ROWS * num, [str(k) for k in range(steps)], len(_ROWS))
    inside = drawn.inside.cpu().numpy()
    cells = [
        [frames[k, b] if inside[k, b] else None for k in range(steps)]
        for b in range(num)
        for frames in rows
    ]
    return layout, layout.draw(cells)


def film_of(drawn: Drawn) -> list[NDArray[np.uint8]]:
    """A picture for each step: a row for each trajectory, the three side by side."""
    rows, num = _arrays(drawn), drawn.true.shape[1]
    inside = drawn.inside.cpu().numpy()
    pictures = []
    for k in range(len(drawn.true)):
        layout = Layout(_shape(drawn), [f"step {k}", *[""] * (num - 1)], _ROWS)
        cells = [
            [frames[k, b] if inside[k, b] else None for frames in rows]
            for b in range(num)
        ]
        pictures.append(layout.draw(cells))
    width = max(x.shape[1] for x in pictures)  # names of steps differ in length
    return [_widened(x, width) for x in pictures]


def write_png(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write it; it appears under its name once it is complete."""
    unfinished = path.with_name(f".{path.stem}.unfinished.png")
    Image.fromarray(picture).save(unfinished, optimize=True)
    os.replace(unfinished, path)


def write_gif(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Likewise, four pictures a second, again and again."""
    first, *others = [Image.fromarray(x) for x in pictures]
    unfinished = path.with_name(f".{path.stem}.unfinished.gif")
    first.save(
        unfinished,
        save_all=True,
        append_images=others,
        duration=_MILLISECONDS,
        loop=0,
    )
    os.replace(unfinished, path)


def plot_errors(path: Path, errors: Mapping[str, Sequence[float]], title: str) -> None:
    """Curves over steps, of pixels between 0 and 1."""
    figure = Figure(figsize=(7.6, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    for name, (label, color, style) in _CURVES.items():
        ax.plot(errors[name], style, color=color, label=label, markersize=3)
    ax.set_title(title, loc="left", fontsize=10)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("steps after the first frame")
    ax.set_ylabel("RMSE of a pixel in [0, 1]")
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside right center")
    unfinished = path.with_name(f".{path.stem}.unfinished.png")
    figure.savefig(unfinished, dpi=120)
    os.replace(unfinished, path)


def _arrays(drawn: Drawn) -> list[NDArray[np.uint8]]:
    three = (drawn.true, drawn.reconstructed, drawn.imagined)
    return [x.cpu().numpy() for x in three]


def _shape(drawn: Drawn) -> tuple[int, int, int]:
    channels, height, width = drawn.true.shape[2:]
    return channels, height, width


def _widened(picture: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    more = width - picture.shape[1]
    return np.pad(picture, ((0, 0), (more, 0), (0, 0)), constant_values=255)
