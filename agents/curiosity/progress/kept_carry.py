"""A carry kept from one rollout to the next, and saved."""

from typing import final

import torch
from torch import Tensor, nn

from world_models.belief import Carry


@final
class KeptCarry(nn.Module):
    """Where a model's memory stands between two rollouts, in buffers.

    Args:
        start: what it is like before anything was kept.
    """

    def __init__(self, start: Carry) -> None:
        super().__init__()
        for name, x in vars(start).items():
            self.register_buffer(name, x.clone())
        self.frames: Tensor
        self.memory: Tensor
        self.action: Tensor
        self.kept = False

    def take(self, otherwise: Carry | None = None) -> Carry:
        """What was kept last; before that what is given, or the start."""
        if otherwise is not None and not self.kept:
            return otherwise
        return Carry(self.frames, self.memory, self.action)

    def keep(self, carry: Carry) -> None:
        """For the next rollout; a copy, so that nothing of this one is held."""
        for name, x in vars(carry).items():
            setattr(self, name, x.clone())
        self.kept = True

    def get_extra_state(self) -> Tensor:
        """Whether anything was kept."""
        return torch.tensor(self.kept)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` gave."""
        self.kept = bool(state)
