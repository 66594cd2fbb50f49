"""What `curious report` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ssl_objectives.refusal import ConfigError

TASK = "world"
"""the setting that is the task where `--task` does not say another"""


@dataclass(frozen=True)
class ReportConfig:
    """Compare runs: tables, figures, intervals, cost, and what makes it doubtful.

    Runs are sorted into arms by the settings in which they differ, and into tasks by
    their world. Leaves CSV, Markdown, PNG and one HTML page that needs nothing else.
    """

    runs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """run folders, folders that contain some at any depth (a sweep), or globs"""
    by: tuple[str, ...] = ()
    """settings that are compared, such as curiosity or agent.ppo.learning_rate; else
    all that differ within a task"""
    task: str | None = TASK
    """setting that says what the task is; None takes all runs as one task"""
    metric: tuple[str, ...] = ()
    """what is measured; else episode/return, or all that results.json files have"""
    last: float = 0.1
    """final values are means over this last part of each run's env steps"""
    normalize: Path | None = None
    """TOML or JSON with two scores per task, random and reference, between which the
    first metric is measured; without it there are no means over tasks"""
    tuned: tuple[str, ...] = ()
    """ARM=N: settings that were tried before those of an arm were chosen"""
    rename: tuple[str, ...] = ()
    """OLD=NEW: other labels for arms and tasks"""
    figures: bool = True
    """draw pictures; numbers alone are faster"""
    out: Path | None = None
    """folder for all files; else runs/report-<date>-<time>"""

    def __post_init__(self) -> None:
        if not self.runs:
            raise ConfigError("Name the runs: curious report FOLDER …")
        if not 0 < self.last <= 1:
            raise ConfigError(f"--last must be above 0 and at most 1, not {self.last}.")
