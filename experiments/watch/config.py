"""What `curious watch` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class WatchConfig:
    """A video of a run's agent as it explores: its view, its world, and its bonus.

    The agent goes on from a checkpoint, in the first of its worlds, and learns nothing.
    At the left is what it sees, then the world from above where the world can be shown
    so, at the right what each curiosity signal pays for what comes, step by step.

    A world that nobody has learned in yet: `curious watch WORLD`, see `curious watch
    WORLD --help`.
    """

    run: Annotated[Path, tyro.conf.Positional]
    """run folder, or one of its checkpoints"""
    out: Path | None = None
    """the video, an .mp4 (default: in the run's folder)"""
    steps: int = 600
    """env steps that are shown"""
    window: int = 120
    """env steps that the curve of the bonus goes back"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        check_video(self.out, self.steps, self.window)


def check_video(out: Path | None, steps: int, window: int) -> None:
    """Refuse what no video can be.

    Raises:
        ConfigError: a number is too small, or the name is no video's.
    """
    for name, value, least in (("steps", steps, 1), ("window", window, 2)):
        if value < least:
            raise ConfigError(f"--{name} must be at least {least}, not {value}")
    if out is not None and out.suffix != ".mp4":
        raise ConfigError(f"--out names a video: {out} must end in .mp4")
