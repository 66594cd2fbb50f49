"""A carry kept from one rollout to the next, and saved."""

from typing import final

import torch
from torch import Tensor, nn

from ssl_objectives.distributed import gathered_rows, num_processes, own_rows
from world_models.belief import Carry

_AXIS = {"frames": 1, "memory": 0, "action": 0}
"""of the envs"""


@final
class KeptCarry(nn.Module):
    """Where a model's memory stands between two rollouts, in buffers.

    With several processes they hold the carry of all envs, so that one of them can save
    it; each takes that of its own.

    Args:
        start: what it is like before anything was kept, in this process's envs.
    """

    def __init__(self, start: Carry) -> None:
        super().__init__()
        for name, x in vars(start).items():
            of_all = [x] * num_processes()
            self.register_buffer(name, torch.cat(of_all, _AXIS[name]))
        self.frames: Tensor
        self.memory: Tensor
        self.action: Tensor
        self.kept = False

    def take(self, otherwise: Carry | None = None) -> Carry:
        """What was kept last; before that what is given, or the start."""
        if otherwise is not None and not self.kept:
            return otherwise
        held = {"frames": self.frames, "memory": self.memory, "action": self.action}
        return Carry(**{name: own_rows(x, _AXIS[name]) for name, x in held.items()})

    def keep(self, carry: Carry) -> None:
        """For the next rollout; a copy, so that nothing of this one is held."""
        for name, x in vars(carry).items():
            of_all = gathered_rows(x, _AXIS[name])
            setattr(self, name, x.clone() if of_all is x else of_all)
        self.kept = True

    def get_extra_state(self) -> Tensor:
        """Whether anything was kept."""
        return torch.tensor(self.kept)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` gave."""
        self.kept = bool(state)
