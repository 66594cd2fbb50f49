"""The player: what is left of an agent when it no longer learns."""

from abc import ABC, abstractmethod
from itertools import chain

import torch
from torch import nn

from agents.acting import ActingPolicy
from world_models.latent_dynamics import LatentDynamics


class Player(nn.Module, ABC):
    """An agent's networks, without anything that only learning needs.

    Evaluation, recording and videos ask it for an acting policy; a checkpoint is loaded
    into it.
    """

    @property
    @abstractmethod
    def world_model(self) -> LatentDynamics | None:
        """The world model, if there is one."""

    @abstractmethod
    def acting(self, seed: int, greedy: bool = False) -> ActingPolicy:
        """Who acts, as it does once training is over.

        Args:
            seed: of its draws.
            greedy: it always does what it thinks best, where it thinks.
        """

    @property
    def device(self) -> torch.device:
        """Where it lies, and the worlds it plays in; the CPU if it holds nothing."""
        held = next(chain(self.parameters(), self.buffers()), None)
        return torch.device("cpu") if held is None else held.device
