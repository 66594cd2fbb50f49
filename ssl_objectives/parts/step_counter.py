"""Counter of gradient steps: for schedules, and for repeatable random numbers."""

from typing import Any

import torch
from torch import nn

from ssl_objectives.parts.generators import generator_on


class StepCounter(nn.Module):
    """Counts gradient steps and gives every step random numbers of its own.

    `forward` of an objective must repeat exactly, so it draws from `generator()`, and
    `observe` calls `advance()`. The count is a Python number (no device is asked for
    it) and part of the state. All processes of a run draw the same numbers.

    Args:
        seed: of the random numbers.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.seed = seed
        self.steps = 0

    def advance(self) -> None:
        """Another gradient step is done."""
        self.steps += 1

    def generator(self, device: torch.device, stream: int = 0) -> torch.Generator:
        """A generator on `device` that gives this step the same numbers every time.

        Args:
            device: of the numbers.
            stream: tells several draws of a step apart.
        """
        mixed = (self.seed * 1_000_003 + self.steps) * 1_000_003 + stream
        return generator_on(device).manual_seed(mixed % 2**63)

    def progress(self, num_steps: int) -> float:
        """The share of `num_steps` that is done, at most 1; 1 where there are none."""
        return min(1.0, self.steps / num_steps) if num_steps > 0 else 1.0

    def get_extra_state(self) -> dict[str, Any]:
        """The count, for `state_dict`."""
        return {"steps": self.steps}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.steps = int(state["steps"])
