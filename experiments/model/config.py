"""Everything that decides the training of a world model."""

from dataclasses import dataclass, field
from pathlib import Path

from experiments.sources.source import SourceConfig
from experiments.sources.worlds import WorldsConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.learn.optimizer import AdamWConfig, OptimizerConfig
from ssl_objectives.refusal import ConfigError
from world_models.cores.core import CoreConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.model_config import ModelConfig
from world_models.presets import jepa_vicreg


@dataclass(frozen=True)
class TrainModelConfig:
    """A run that trains a world model: from what, which one, for how long."""

    data: SourceConfig = field(default_factory=WorldsConfig)
    """what it learns from"""
    model: ModelConfig = field(default_factory=jepa_vicreg)
    """what is predicted, and how predictions are compared"""
    encoder: EncoderConfig = field(default_factory=MeNetConfig)
    """turns frames into latents"""
    core: CoreConfig = field(default_factory=LatentCoreConfig)
    """turns latents into beliefs"""
    optimizer: OptimizerConfig = field(default_factory=AdamWConfig)
    """what turns gradients into new weights"""
    steps: int = 300
    """budget: gradient steps"""
    batch_size: int = 32
    """B, trajectories in a batch, of all processes together"""
    num_steps: int = 8
    """T, transitions of a trajectory"""
    burn_in: int = 0
    """of these, so many in front only lead up to the rest: frames to stack, memory"""
    action_size: int = 32
    """E, size of an action's embedding"""
    seed: int = 0
    """of initial weights and all draws"""
    seeds: int = 1
    """runs, one after another, with seeds counted up from `seed`"""
    device: str = "auto"
    """cpu, cuda, cuda:1 …; auto takes a GPU if there is one"""
    runs: Path = Path("runs")
    """folder that holds all run folders"""
    log_every: int = 10
    """gradient steps between rows of metrics"""
    evaluate_every: int = 100
    """gradient steps between looks at held-out trajectories; 0: never"""
    checkpoint_every: int = 100
    """gradient steps between checkpoints; a killed run loses at most these"""
    keep_checkpoints: int = 2
    """newest checkpoints kept, beside the best and a sparse history"""
    tensorboard: bool = True
    """write metrics for TensorBoard, too; metrics.jsonl is always written"""
    report: bool = True
    """at the end, probe the latents for what is true"""
    probe_fit: int = 800
    """trajectories that probes are fitted on"""
    probe_test: int = 500
    """trajectories that they are measured on"""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value < least:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least {least}, not {value}")
        for name in ("probe_fit", "probe_test"):
            if getattr(self, name) > _MOST_PROBED:
                raise ConfigError(
                    f"--{name.replace('_', '-')} must be at most {_MOST_PROBED:,}, not "
                    f"{getattr(self, name):,}: all that is probed is kept in memory"
                )
        if self.burn_in >= self.num_steps:
            raise ConfigError(
                f"--burn-in {self.burn_in} leaves nothing of --num-steps "
                f"{self.num_steps} to predict."
            )


_MOST_PROBED = 100_000

# The parts of a config look after their own numbers.
_LEAST = {
    "steps": 1,
    "batch_size": 2,
    "num_steps": 1,
    "burn_in": 0,
    "action_size": 1,
    "seed": 0,
    "seeds": 1,
    "log_every": 1,
    "evaluate_every": 0,
    "checkpoint_every": 1,
    "keep_checkpoints": 1,
    "probe_fit": 2,
    "probe_test": 2,
}
