"""Demonstrations of a dot that goes through a picture, at a pace of its own."""

import torch
from torch import nn

from agents.rewards.demonstration import Demonstration
from ssl_objectives.encoders.encoder import Encoder

SHAPE = (1, 8, 24)


def moving(seed: int, frames: int = 30) -> Demonstration:
    """From left to right, with noise in the picture and in the pace."""
    generator = torch.Generator().manual_seed(seed)
    pace = 0.5 + torch.rand(frames, generator=generator)
    place = 2 + 20 * (pace.cumsum(0) - pace[0]) / (pace.sum() - pace[0])
    y, x = torch.meshgrid(torch.arange(8), torch.arange(24), indexing="ij")
    near = (x - place[:, None, None]).square() + (y - 4).square()
    light = 220 * torch.exp(-near / 8)
    light += 15 * torch.rand(light.shape, generator=generator)
    return Demonstration(light.to(torch.uint8)[:, None], None, f"moving-{seed}")


def eyes() -> Encoder:
    """Averages of patches of the picture."""
    return Encoder(nn.Sequential(nn.AvgPool2d(2)), SHAPE, 0)
