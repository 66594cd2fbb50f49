"""Draws images/social_room.png: `python docs/social_room_figure.py`."""

from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from envs.behaviours.groups import Animate
from envs.mujoco.social_room.config import SocialRoomConfig

FILE = Path(__file__).parent / "images" / "social_room.png"
EVERY, COLUMNS = 3, 10  # steps between frames, and frames
LINES = (
    ("static", Animate.REACHING, 1),
    ("periodic", Animate.REACHING, 2),
    ("noise", Animate.REACHING, 3),
    ("reaching", Animate.REACHING, 0),
    ("chasing", Animate.CHASING, 0),
    ("peekaboo", Animate.PEEKABOO, 0),
    ("mimicry", Animate.MIMICRY, 0),
)


def watched(animate: Animate, group: int) -> list[Tensor]:
    """Frames of a room under a gaze that finds a group, and stays there."""
    env = SocialRoomConfig(animate, pixels=84).build(1, "cpu")
    row = env.reset(seed=4)
    while int(row.facts["in_view"]) != group or int(row.facts["heading"]) % 15 not in (
        3,
        4,
        11,
    ):
        row = env.step(torch.tensor([1]))
    rows = [row]
    for _ in range(EVERY * COLUMNS - 1):
        rows.append(env.step(torch.tensor([0])))
    return [x.obs[0] for x in rows[::EVERY]]


def main() -> None:
    """A line per behaviour, from left to right in time."""
    figure = Figure(figsize=(10, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(LINES), COLUMNS)
    for line, (name, animate, group) in zip(axes, LINES, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        for ax, frame in zip(line, watched(animate, group), strict=True):
            ax.imshow(frame.permute(1, 2, 0).numpy(), interpolation="nearest")
            ax.set_xticks([])
            ax.set_yticks([])
    for i, ax in enumerate(axes[-1]):
        ax.set_xlabel(f"{EVERY * i}", fontsize=8)
    figure.supxlabel("steps under a gaze that stays", fontsize=9)
    figure.savefig(FILE, dpi=110)


if __name__ == "__main__":
    main()
