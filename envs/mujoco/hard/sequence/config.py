"""The sequence as a config."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch

from envs.mujoco.hard.config import HallConfig

if TYPE_CHECKING:
    from envs.mujoco.hard.sequence.task import Sequence

MOST_PADS = 6


@final
@dataclass(frozen=True)
class SequenceConfig(HallConfig):
    """Colours are shown once, then pads walked over in their order; from within."""

    length: int = 3
    """Colours in a sequence, no one twice."""
    pads: int = 5
    """Pads, each of another colour: 2 to 6."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 2 <= self.pads <= MOST_PADS:
            raise ValueError(f"pads must be 2 to {MOST_PADS}, not {self.pads}")
        if not 1 <= self.length <= self.pads:
            raise ValueError(
                f"length must be 1 to {self.pads}, the pads, not {self.length}"
            )

    def _task(self, seeds: range, device: torch.device | str) -> "Sequence":
        from envs.mujoco.hard.sequence.task import Sequence

        return Sequence(self.length, self.pads, seeds, device)
