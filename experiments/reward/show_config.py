"""What `curious reward show` is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class ShowConfig:
    """A picture of demonstrations: their steps, their reward, and what it sees in them.

    Shows ones that the reward has learned from, or others; says how well the reward
    follows time, and where the true steps are known, how well they were found.
    """

    reward: Annotated[Path, tyro.conf.Positional]
    """the folder that `curious reward fit` wrote, or the file in it"""
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """a data set, videos, arrays, or the id of a Minari data set on this machine"""
    out: Path | None = None
    """the picture, a .png (default: beside the reward)"""
    demos: int = 20
    """demonstrations that are looked at, at most"""
    shown: int = 3
    """of these, how many are in the picture"""
    labels: tuple[str, ...] = ()
    """facts of the data whose sum is the true step, from 0: has_key door_open"""
    every: int = 1
    """look at each n-th frame, and at the last"""
    skip: int = 0
    """leave out the first so many demonstrations: those that were learned from"""
    seed: int = 0
    """of the random segmentations that steps are compared with"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value < least:
                raise ConfigError(f"--{name} must be at least {least}, not {value}")
        if self.out is not None and self.out.suffix != ".png":
            raise ConfigError(f"--out names a picture: {self.out} must end in .png")


_LEAST = {"demos": 1, "shown": 1, "every": 1, "skip": 0, "seed": 0}
