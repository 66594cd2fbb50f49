"""Draws images/attention.png: `python docs/attention_figure.py`."""

from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from envs.attention.config import AttentionConfig
from envs.behaviours.groups import Animate

FILE = Path(__file__).parent / "images" / "attention.png"
EVERY, COLUMNS = 3, 12  # steps between frames, and frames


def watched(config: AttentionConfig, seed: int) -> dict[str, list[Tensor]]:
    """Frames of each group of a world by its name, under a gaze of its own."""
    env = config.build(1, "cpu")
    env.reset(seed=seed)
    watching = config.watching(env, seed)
    rows, stay = [watching.reset()], torch.zeros(4, dtype=torch.int64)
    for _ in range(EVERY * COLUMNS - 1):
        rows.append(watching.step(stay))
    frames = [row.obs for row in rows[::EVERY]]
    return {name: [x[i] for x in frames] for i, name in enumerate(config.parts)}


def main() -> None:
    """A line per behaviour, from left to right in time."""
    shown: dict[str, list[Tensor]] = {}
    for i, name in enumerate(Animate):
        shown = watched(AttentionConfig(name, pixels=72), seed=3 + i) | shown
    order = ("static", "periodic", "noise", *(x.value for x in Animate))
    figure = Figure(figsize=(10, 6.1), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(order), COLUMNS)
    for line, name in zip(axes, order, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for ax, frame in zip(line, shown[name], strict=True):
            ax.imshow(frame.permute(1, 2, 0).numpy(), interpolation="nearest")
            ax.set_xticks([])
            ax.set_yticks([])
    for i, ax in enumerate(axes[-1]):
        ax.set_xlabel(f"{EVERY * i}", fontsize=8)
    figure.supxlabel("steps under a gaze that stays", fontsize=9)
    figure.savefig(FILE, dpi=110)


if __name__ == "__main__":
    main()
