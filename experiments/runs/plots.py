"""One picture of a run: what it earned, what made it curious, what it has seen."""

import os
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.runs.areas import PART_LINES
from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from experiments.runs.panels import Curve, CurvePanel, Panel, SharePanel
from experiments.runs.scales import counts, from_zero, logarithmic

_WIDTH = 8.0  # inches
_ROOM = (0.8, 0.2, 0.62, 0.5, 0.44)  # on the left, right, top, bottom, and between

_PANELS: tuple[Panel, ...] = (
    CurvePanel(
        "Return per episode",
        (
            Curve("episode/return", "training", "#0072b2"),
            Curve("evaluate/return_mean", "evaluation", "#d55e00", points=True),
        ),
    ),
    CurvePanel(
        "Intrinsic reward per step",
        (Curve("intrinsic/*/reward_mean", "normalised", "#009e73"),),
    ),
    CurvePanel(
        "Intrinsic reward before normalisation",
        (Curve("intrinsic/*/raw_mean", "raw", "#7a6a00"),),
    ),
    CurvePanel(
        "Rooms visited in evaluation",
        (Curve("evaluate/rooms", "rooms", "#cc79a7", points=True),),
        counts,
    ),
    CurvePanel(
        "Rooms visited per episode of evaluation",
        (
            Curve("evaluate/rooms_per_episode", "agent", "#cc79a7", points=True),
            Curve("random/rooms_per_episode", "random play", "#777777", points=True),
        ),
        counts,
    ),
    CurvePanel(
        "Cells visited in evaluation",
        (Curve("evaluate/cells", "cells", "#cc79a7", points=True),),
        counts,
    ),
    CurvePanel("Per episode of training", (Curve("tally/*", "", "#cc79a7"),), counts),
    SharePanel("Share of steps"),
    CurvePanel(
        "Loss of the world model on each part, watched",
        (Curve("watched/*", "", "#0072b2", points=True, colors=PART_LINES),),
        logarithmic,
    ),
    CurvePanel("Loss", (Curve("pretrain/loss", "loss", "#0072b2"),)),
    CurvePanel(
        "Loss of the world model",
        (Curve("loss/world_model", "loss", "#0072b2"),),
    ),
    CurvePanel(
        "Effective rank of the world model's latents",
        (Curve("world_model/effective_rank", "rank", "#009e73"),),
    ),
    CurvePanel(
        "Shares of the latent",
        (
            Curve("evaluate/background_share", "background", "#d55e00", points=True),
            Curve("evaluate/dot_share", "dot", "#0072b2", points=True),
        ),
        from_zero,
    ),
    CurvePanel(
        "Effective rank of the projections",
        (Curve("projection/effective_rank", "rank", "#009e73"),),
    ),
    CurvePanel(
        "k-NN accuracy on a few test images",
        (Curve("evaluate/knn", "accuracy", "#d55e00", points=True),),
    ),
)


def plot_training(
    run: RunFolder, x_label: str = "env steps, all envs together"
) -> Path:
    """Draw `plots/training.png` from the metrics; returns its path.

    Returns and intrinsic reward over env steps, smoothed over a twentieth of the run,
    with raw values behind; rooms and cells where evaluations have them, and who was
    looked at where the world says so. Metrics that are missing are left out.
    """
    columns = read_metrics(run)
    drawings = [x for panel in _PANELS for x in panel.drawings(columns)]
    rows = max(1, len(drawings))
    figure = Figure(figsize=(_WIDTH, 0.9 + 2.2 * rows))
    FigureCanvasAgg(figure)
    _leave_room(figure, rows)
    figure.suptitle(
        run.path.name, y=1 - 0.1 / figure.get_figheight(), fontsize=11, color="#444444"
    )
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for ax, drawing in zip(axes, drawings, strict=False):
        ax.set_title(drawing.title, loc="left", fontsize=10)
        ax.grid(alpha=0.25, linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.01)
        drawing.draw(ax)
    if not drawings:
        axes[0].set_axis_off()
        axes[0].text(0.5, 0.5, "nothing logged yet", ha="center", color="#888888")
    axes[-1].set_xlabel(x_label)
    axes[-1].xaxis.set_major_formatter(FuncFormatter(_shorten))

    path = run.plots / "training.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(".training.unfinished.png")
    figure.savefig(unfinished, dpi=150)
    os.replace(unfinished, path)
    return path


def _leave_room(figure: Figure, rows: int) -> None:
    """Margins in inches; a layout that is worked out draws everything twice."""
    left, right, top, bottom, between = _ROOM
    height = figure.get_figheight()
    each = (height - top - bottom - (rows - 1) * between) / rows
    figure.subplots_adjust(
        left=left / _WIDTH,
        right=1 - right / _WIDTH,
        top=1 - top / height,
        bottom=bottom / height,
        hspace=between / each,
    )


def _shorten(value: float, _: int | None = None) -> str:
    """250k, 1.5M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
