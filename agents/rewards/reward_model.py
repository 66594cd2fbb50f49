"""The contract of rewards that were learned from demonstrations."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from agents.rewards.demonstration import Demonstration
from ssl_objectives.encoders.depths import Depths
from ssl_objectives.encoders.encoder import Encoder


class RewardModel(nn.Module, ABC):
    """How far a frame is on the way that demonstrations showed: 0 to 1.

    Reads single frames, has no memory, and is never trained again: all of its state is
    in buffers, its encoder's included. An agent is paid by it as it is, or by how it
    changes (`agents/curiosity/demonstrated.py`).

    Args:
        depths: what is seen in a frame.
    """

    def __init__(self, depths: Depths) -> None:
        super().__init__()
        self.depths = depths

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of frames."""
        return self.depths.image_shape

    def train(self, mode: bool = True) -> "RewardModel":
        """Stay in evaluation mode."""
        return super().train(False)

    @abstractmethod
    def forward(self, obs: UInt8[Tensor, "*batch C H W"]) -> Float32[Tensor, "*batch"]:
        """The reward of each frame, without gradient.

        Raises:
            ValueError: frames of another shape.
        """


@runtime_checkable
class RewardConfig(Protocol):
    """Learns a reward from demonstrations."""

    def build(self, encoder: Encoder) -> RewardModel:
        """One that has learned nothing, of the size of one that has: to be loaded."""

    def fit(
        self, encoder: Encoder, demos: Sequence[Demonstration], seed: int = 0
    ) -> RewardModel:
        """Learn; the encoder is taken over and frozen.

        Raises:
            ConfigError: the demonstrations do not do.
        """


@torch.no_grad()
def along(
    reward: RewardModel, demos: Sequence[Demonstration]
) -> list[Float32[Tensor, "_"]]:
    """The reward of each frame of each demonstration, on the CPU."""
    device = next(reward.buffers(), torch.zeros(0)).device
    return [reward(x.frames.to(device)).cpu() for x in demos]
