"""Pushing as a config."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch

from envs.mujoco.hard.config import HallConfig

if TYPE_CHECKING:
    from envs.mujoco.hard.push.task import Push


@final
@dataclass(frozen=True)
class PushButtonConfig(HallConfig):
    """A block to be pushed onto a plate, which holds a gate open; seen from within."""

    def _task(self, seeds: range, device: torch.device | str) -> "Push":
        from envs.mujoco.hard.push.task import Push

        return Push(seeds, device)
