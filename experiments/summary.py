"""What a finished run says of itself."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from agents.curious_agent import CuriousAgent
from experiments.logger import read_metrics
from experiments.progress import duration
from experiments.run_folder import RunFolder
from experiments.train_config import TrainConfig


def print_summary(
    config: TrainConfig,
    agent: CuriousAgent,
    run: RunFolder,
    finished: bool,
    console: Console,
) -> None:
    """Print a table of results, and where everything lies."""
    columns = read_metrics(run)
    table = Table(title=f"{run.path.name}", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    steps = agent.env_steps
    frames = steps * agent.env.spec.frames_per_step
    table.add_row("env steps", f"{steps:,} ({frames:,} frames)")
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
        ("rooms, last evaluation", "evaluate/rooms"),
        ("cells, last evaluation", "evaluate/cells"),
    ):
        values = columns.get(name, np.zeros(0))
        values = values[np.isfinite(values)]
        if len(values):
            last = values[-20:].mean() if name == "episode/return" else values[-1]
            table.add_row(label, f"{last:,.4g}" if last < 1e4 else f"{last:,.0f}")
    console.print(table)
    for label, path in (
        ("plot", run.plots / "training.png"),
        ("video", _newest(run.videos)),
        ("checkpoints", run.checkpoints),
    ):
        if path is not None and path.exists():
            console.print(f"{label:12} {path}", highlight=False, soft_wrap=True)
    console.print(f"{'curves':12} tensorboard --logdir {run.path}", highlight=False)
    if finished:
        console.print(f"{'next':12} curious evaluate {run.path}", highlight=False)


def _newest(folder: Path) -> Path | None:
    files = sorted(folder.glob("*.mp4")) if folder.is_dir() else []
    return files[-1] if files else None
