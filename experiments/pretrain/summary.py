"""What a finished pretraining run says of itself."""

import json

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.encoders.saved import ENCODER_FILE
from experiments.pretrain.results import RESULTS
from experiments.runs.folder import RunFolder
from experiments.runs.logger import read_metrics
from experiments.runs.progress import duration, short

_LOGGED = (
    ("loss, last step logged", "pretrain/loss"),
    ("projections' effective rank", "projection/effective_rank"),
    ("k-NN, a few images", "evaluate/knn"),
)
_PROBED = (("ridge accuracy", "ridge"), ("k-NN accuracy", "knn"))


def print_summary(
    run: RunFolder, steps: int, batch_size: int, console: Console
) -> None:
    """Print a table of results, and where everything lies."""
    columns = read_metrics(run)
    console.print(run.path.name, style="bold", highlight=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("steps", f"{steps:,}")
    table.add_row("images seen", f"{steps * batch_size:,}")
    if len(columns["wall_time"]):
        seconds = float(columns["wall_time"][-1])
        table.add_row("time", duration(seconds))
        speed = steps * batch_size / max(seconds, 1e-9)
        table.add_row("speed", f"{short(speed)} images/s")
    for label, name in _LOGGED:
        values = columns.get(name, np.zeros(0))
        values = values[np.isfinite(values)]
        if len(values):
            table.add_row(label, f"{values[-1]:,.4g}")
    results = _results(run)
    for label, name in _PROBED:
        if f"probe/{name}" in results:
            against = ", ".join(
                f"{other} {results[f'{other}/{name}']:.3f}"
                for other in ("random", "pixels")
            )
            table.add_row(label, f"{results[f'probe/{name}']:.3f} ({against})")
    console.print(table)
    lines = [
        ("encoder", str(run.path / ENCODER_FILE)),
        ("use it", f'load_encoder("{run.path}")'),
        ("plots", str(run.plots)),
    ]
    if any(run.tensorboard.iterdir()):
        lines.append(("curves", f"tensorboard --logdir {run.path}"))
    for label, text in lines:
        # one line each, however long: paths and commands are there to be copied
        console.print(
            f"{label:7} {text}", highlight=False, markup=False, soft_wrap=True
        )


def _results(run: RunFolder) -> dict[str, float]:
    file = run.path / RESULTS
    if not file.is_file():
        return {}
    results: dict[str, float] = json.loads(file.read_text("utf-8"))["results"]
    return results
