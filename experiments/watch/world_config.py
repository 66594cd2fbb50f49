"""What `curious watch WORLD` is asked for, and what it lets be chosen by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from envs.noise.world_noise import WorldNoiseConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import WorldConfig
from experiments.config.choices import Choice
from experiments.parts.noises import NOISES
from experiments.parts.policies import RANDOM
from experiments.parts.worlds import WORLDS
from experiments.watch.config import check_video
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class WatchWorldConfig:
    """A video of any world: what an agent would see of it, and all of it.

    At the left is the agent's view, then the world from above where it can be shown so
    (without the noise, if there is any), at the right the world's reward.
    """

    world: WorldConfig = field(default_factory=KeyDoorConfig)
    """which"""
    noise: WorldNoiseConfig | None = None
    """what lies between the policy and the world"""
    policy: str = RANDOM
    """who acts: random, or my_module:MyPolicy"""
    out: Path | None = None
    """the video, an .mp4 (default: watch-WORLD.mp4 in the current folder)"""
    steps: int = 600
    """env steps that are shown"""
    window: int = 120
    """env steps that the curve of the reward goes back"""
    seed: int = 0
    """of the world, and of all draws"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        check_video(self.out, self.steps, self.window)
        if self.seed < 0:
            raise ConfigError(f"--seed must be at least 0, not {self.seed}")


CHOICES = (
    Choice(WORLDS, "Which world is shown.", default="key-door"),
    Choice(NOISES, "What lies between the policy and the world.", default="none"),
)


def from_choices(chosen: Mapping[str, str]) -> WatchWorldConfig:
    """The config that names stand for.

    Raises:
        ConfigError: no such part.
    """
    return WatchWorldConfig(WORLDS.make(chosen["world"]), NOISES.make(chosen["noise"]))
