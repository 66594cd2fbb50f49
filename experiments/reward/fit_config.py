"""What `curious reward fit` is asked for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from agents.rewards.perceptual import PerceptualRewardConfig
from agents.rewards.reward_model import RewardConfig
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.refusal import ConfigError

MOST = 20  # demonstrations: the methods are made for a few


@dataclass(frozen=True)
class FitConfig:
    """Learn a reward from demonstrations."""

    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")] = ""
    """a data set, videos, arrays, or the id of a Minari data set on this machine"""
    method: RewardConfig = field(default_factory=PerceptualRewardConfig)
    """how it is learned"""
    encoder: EncoderConfig = field(default_factory=NatureConfig)
    """what is seen in frames; frozen"""
    out: Path | None = None
    """folder of the reward; required"""
    demos: int = 10
    """demonstrations that are taken, at most: 1 to 20"""
    skip: int = 0
    """leave out the first so many"""
    every: int = 1
    """take each n-th frame, and the last"""
    size: tuple[int, int] | None = None
    """resize frames to this height and width"""
    gray: bool = False
    """one channel instead of three"""
    seed: int = 0
    """of an untrained encoder, and of all draws"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        for name, least in {"skip": 0, "every": 1, "seed": 0}.items():
            value = getattr(self, name)
            if value < least:
                raise ConfigError(f"--{name} must be at least {least}, not {value}")
        if not 1 <= self.demos <= MOST:
            raise ConfigError(f"--demos must be 1 to {MOST}, not {self.demos}")
        if min(self.size or (1,)) < 1:
            raise ConfigError(f"--size must be at least 1 1, not {self.size}")
