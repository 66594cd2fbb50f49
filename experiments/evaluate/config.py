"""What `curious evaluate` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from experiments.config.episodes import MAX_STEPS, NUM_ENVS, SEED
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class EvaluateConfig:
    """Play whole episodes with a trained agent, and as many at random.

    Prints returns with a bootstrap interval, and the rooms and cells visited where the
    world can tell; leaves JSON and a video in the run's folder.
    """

    run: Annotated[Path, tyro.conf.Positional]
    """run folder, or one of its checkpoints"""
    episodes: int = 10
    """episodes of each player"""
    num_envs: int = NUM_ENVS
    """worlds stepped in parallel, at most"""
    max_steps: int | None = MAX_STEPS
    """env steps after which an episode is cut; None lets every episode end by itself,
    which some worlds never do"""
    best: bool = False
    """the checkpoint with the best evaluation instead of the latest"""
    greedy: bool = False
    """take the likeliest action instead of drawing one"""
    seed: int = SEED
    """of the episodes and the draws"""
    video_steps: int = 900
    """env steps of the video; 0 records none"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        least = {"episodes": 1, "num_envs": 1, "max_steps": 1}
        least |= {"seed": 0, "video_steps": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least {bound}, not {value}")
