"""What `curious plan` is asked for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from envs.vector_env import WorldConfig
from experiments.config.episodes import SEED
from ssl_objectives.refusal import ConfigError
from world_models.planning.distance import GoalDistance, SumOfSteps
from world_models.planning.icem import IcemConfig
from world_models.planning.planner import PlannerConfig


@dataclass(frozen=True)
class PlanConfig:
    """Goals for a trained world model to reach, and how it plans."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """runs of `curious train-model`, or checkpoints in them"""
    planner: PlannerConfig = field(default_factory=IcemConfig)
    """finds actions of little cost"""
    cost: GoalDistance = field(default_factory=SumOfSteps)
    """what actions cost: the distance to the goal that they are imagined to leave"""
    world: WorldConfig | None = None
    """where; None: where the model was trained"""
    starts: int = 200
    """starts and goals, all planned for in one batch"""
    max_steps: int = 60
    """env steps after which a goal counts as missed"""
    horizon: int = 24
    """H, steps that are planned"""
    execute: int = 4
    """steps that are done of each plan before the next is made"""
    seed: int = SEED
    """of starts, goals and draws"""
    pictures: int = 6
    """starts whose ways are drawn; 0: none"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        least = {"starts": 1, "max_steps": 1, "horizon": 1, "seed": 0, "pictures": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if value < low:
                flag = name.replace("_", "-")
                raise ConfigError(f"--{flag} must be at least {low}, not {value}")
        if not 1 <= self.execute <= self.horizon:
            raise ConfigError(
                f"--execute must be between 1 and --horizon ({self.horizon}), not "
                f"{self.execute}"
            )
