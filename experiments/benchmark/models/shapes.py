"""Batches that steps of world models are timed on, by name."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from experiments.benchmark.config import Shape
from experiments.config.json import to_json
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from world_models.trajectory import Trajectory

NUM_ACTIONS = 5

SizedEncoder = MeNetConfig | NatureConfig | ImpalaConfig


@dataclass(frozen=True)
class Batch:
    """Trajectories of one size, and the encoder that suits their frames.

    Attributes:
        image: (C, H, W) of a frame.
        num_steps: T, transitions of each trajectory.
        num_envs: B, trajectories.
        horizon: K, open-loop steps predicted from every row.
        encoder: what sees the frames; its size is that of latent and belief.
    """

    image: tuple[int, int, int]
    num_steps: int
    num_envs: int
    horizon: int
    encoder: SizedEncoder

    @property
    def transitions(self) -> int:
        """T × B, what a step learns from."""
        return self.num_steps * self.num_envs

    @property
    def frame_bytes(self) -> int:
        """Of all T + 1 rows of frames."""
        channels, height, width = self.image
        return (self.num_steps + 1) * self.num_envs * channels * height * width

    def computing_in(self, precision: Precision) -> "Batch":
        """The same with an encoder of another number format."""
        return replace(self, encoder=replace(self.encoder, precision=precision))

    def to_json(self) -> dict[str, Any]:
        """For the results."""
        return {
            "image": list(self.image),
            "num_steps": self.num_steps,
            "num_envs": self.num_envs,
            "horizon": self.horizon,
            "encoder": to_json(self.encoder),
        }

    def draw(self, device: torch.device, seed: int) -> Trajectory:
        """Frames of noise and random actions, each trajectory inside one episode."""
        generator = torch.Generator().manual_seed(seed)
        batch = (self.num_steps, self.num_envs)
        rows = (self.num_steps + 1, self.num_envs)
        first = torch.zeros(rows, dtype=torch.bool)
        first[0] = True
        pixels = torch.randint(256, (*rows, *self.image), generator=generator)
        traj = Trajectory(
            action=torch.randint(NUM_ACTIONS, batch, generator=generator),
            reward=torch.zeros(batch),
            terminated=torch.zeros(batch, dtype=torch.bool),
            truncated=torch.zeros(batch, dtype=torch.bool),
            obs=pixels.byte(),
            first=first,
        )
        return traj.to(device)


BATCHES = {
    Shape.SMALL: Batch((1, 28, 28), 8, 32, 8, MeNetConfig(64)),
    Shape.MIDDLE: Batch((3, 64, 64), 16, 32, 8, NatureConfig(64)),
    Shape.RESIDUAL: Batch((3, 64, 64), 16, 32, 8, ImpalaConfig(64)),
    Shape.GPU: Batch((3, 64, 64), 32, 256, 16, ImpalaConfig(256)),
}


def usual(device: torch.device) -> tuple[Shape, ...]:
    """What is measured where nothing is asked for."""
    if device.type == "cuda":
        return tuple(Shape)
    return (Shape.SMALL, Shape.MIDDLE)
