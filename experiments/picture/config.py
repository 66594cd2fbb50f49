"""What `curious picture` is asked for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from experiments.sources.source import SourceConfig
from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.refusal import ConfigError
from world_models.pictures.centered import DecoderBodyConfig


@dataclass(frozen=True)
class PictureConfig:
    """Draw what a world model sees and imagines, beside what came."""

    run: Annotated[Path, tyro.conf.Positional] = Path()
    """run folder, or one of its checkpoints; the current folder if none is given"""
    data: SourceConfig | None = None
    """what is drawn; None: what the model learned from, or what its agent plays"""
    decoder: DecoderBodyConfig = field(default_factory=lambda: DecoderConfig(8))
    """draws a frame from a latent"""
    ahead: int | None = None
    """steps that are imagined; None: as many as the model learned to predict"""
    shown: int = 3
    """trajectories in the pictures"""
    trajectories: int = 500
    """trajectories that the decoder learns from"""
    measured: int = 200
    """other trajectories, that errors are measured on"""
    steps: int = 500
    """gradient steps of the decoder"""
    batch_size: int = 64
    """frames in each"""
    learning_rate: float = 2e-3
    """of the decoder; it falls to 0"""
    generate: int = 0
    """also write so many imagined frames as a data set, for `curious pretrain --images
    imagined` (AdaInf); 0: none"""
    out: Path | None = None
    """folder for all of it; None: `pictures/` in the run's folder, and if that is taken
    `pictures-<date>-<time>`"""
    seed: int = 0
    """of the trajectories, and of the decoder"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least {least}, not {value}")
        if self.shown > self.measured:
            raise ConfigError(
                f"--shown {self.shown} trajectories are some of the {self.measured} "
                "--measured ones: show fewer, or measure more."
            )
        if not self.learning_rate > 0:
            raise ConfigError(
                f"--learning-rate must be above 0, not {self.learning_rate}"
            )


_LEAST = {
    "ahead": 1,
    "shown": 1,
    "trajectories": 2,
    "measured": 2,
    "steps": 1,
    "batch_size": 1,
    "generate": 0,
    "seed": 0,
}
