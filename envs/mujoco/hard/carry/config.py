"""Carrying as a config."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch

from envs.mujoco.hard.config import HallConfig

if TYPE_CHECKING:
    from envs.mujoco.hard.carry.task import Carry

MOST_THINGS = 6


@final
@dataclass(frozen=True)
class CarryConfig(HallConfig):
    """The right thing of several to be brought to a pedestal; seen from within."""

    things: int = 4
    """Things that lie about, each of another colour: 1 to 6."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.things <= MOST_THINGS:
            raise ValueError(f"things must be 1 to {MOST_THINGS}, not {self.things}")

    def _task(self, seeds: range, device: torch.device | str) -> "Carry":
        from envs.mujoco.hard.carry.task import Carry

        return Carry(self.things, seeds, device)
