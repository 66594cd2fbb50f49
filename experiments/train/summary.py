"""What a finished run says of itself."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from agents.curious_agent import CuriousAgent
from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from experiments.runs.progress import duration


def print_summary(
    agent: CuriousAgent, run: RunFolder, finished: bool, console: Console
) -> None:
    """Print a table of results, and where everything lies."""
    columns = read_metrics(run)
    console.print(run.path.name, style="bold", highlight=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    steps = agent.env_steps
    table.add_row("env steps", f"{steps:,}")
    if agent.env.spec.frames_per_step > 1:
        table.add_row("frames", f"{steps * agent.env.spec.frames_per_step:,}")
    if len(columns["wall_time"]):
        seconds = float(columns["wall_time"][-1])
        table.add_row("time", duration(seconds))
        table.add_row("speed", f"{steps / max(seconds, 1e-9):,.0f} env steps/s")
    for label, name in (
        ("return, last episodes", "episode/return"),
        ("intrinsic reward", "intrinsic/reward_mean"),
        ("policy entropy", "policy/entropy"),
        ("world-model loss", "loss/world_model"),
        ("world-model updates", "world_model/updates"),
        ("latents' effective rank", "world_model/effective_rank"),
        ("return, last evaluation", "evaluate/return_mean"),
        ("rooms, last evaluation", "evaluate/rooms"),
        ("cells, last evaluation", "evaluate/cells"),
    ):
        values = columns.get(name, np.zeros(0))
        values = values[np.isfinite(values)]
        if len(values):
            last = values[-20:].mean() if name == "episode/return" else values[-1]
            table.add_row(label, f"{last:,.4g}" if last < 1e4 else f"{last:,.0f}")
    console.print(table)
    lines = [("curves", f"tensorboard --logdir {run.path}")]
    plot, video = run.plots / "training.png", _newest(run.videos)
    if plot.exists():
        lines.append(("plot", str(plot)))
    if video is not None:
        lines.append(("video", str(video)))
    if finished:
        lines.append(("next", f"curious evaluate {run.path}"))
    for label, text in lines:
        # one line each, however long: paths and commands are there to be copied
        console.print(
            f"{label:7} {text}", highlight=False, markup=False, soft_wrap=True
        )


def _newest(folder: Path) -> Path | None:
    files = sorted(folder.glob("*.mp4")) if folder.is_dir() else []
    return files[-1] if files else None
