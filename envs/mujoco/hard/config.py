"""What the configs of all tasks in the hall have in common."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from envs.mujoco.renderers.backend import Backend
from envs.native_env import NativeVectorEnv

if TYPE_CHECKING:  # MuJoCo is loaded for who builds a hall
    from envs.mujoco.hard.task import Task

MOST_LAYOUTS = 20_000


@dataclass(frozen=True)
class HallConfig(ABC):
    """A task in a hall, seen from within."""

    layout_seed: int = 0
    """Draws where everything is."""
    layouts: int = 1_000
    """How many halls there are; each episode is in one of them."""
    pixels: int = 40
    """Rows and columns of a frame; 0 draws nothing, a frame is then one black pixel."""
    depth: bool = False
    """A fact: metres along the optical axis of every pixel."""
    segmentation: bool = False
    """A fact: the geom that every pixel shows."""
    overview: bool = False
    """A fact: the hall from above, for people."""
    renderer: Backend = Backend.AUTO
    """What draws: see docs/renderers.md."""
    max_episode_steps: int = 300
    """Steps after which an episode is cut off."""

    def __post_init__(self) -> None:
        if not 1 <= self.layouts <= MOST_LAYOUTS:
            raise ValueError(
                f"layouts must be 1 to {MOST_LAYOUTS:,}, not {self.layouts:,}"
            )

    def with_overview(self) -> "HallConfig":
        """See `OverlookedWorld`."""
        return replace(self, overview=True)

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B halls with their task.

        Raises:
            ValueError: a number is out of its range.
        """
        from envs.mujoco.drawn import Drawn
        from envs.mujoco.hard.stage import HallStage

        seeds = range(self.layout_seed, self.layout_seed + self.layouts)
        task = self._task(seeds, device)
        stage = HallStage(task, self.overview, self.max_episode_steps, device)
        drawn = Drawn(self.pixels, self.depth, self.segmentation, backend=self.renderer)
        return NativeVectorEnv(drawn.world(stage, device), num_envs, device)

    @abstractmethod
    def _task(self, seeds: range, device: torch.device | str) -> "Task[Any]":
        """The task, in a hall for each seed."""
