"""Demonstrations whose steps, and whose telling pixels, somebody planted."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from agents.rewards.demonstration import Demonstration
from ssl_objectives.encoders.encoder import Encoder

SHAPE = (1, 6, 7)
PIXELS = 6 * 7
DEAD = tuple(range(30, PIXELS))  # never change
TELLING = {1: (2, 3, 5), 2: (11, 13), 3: (19, 23, 24)}  # lit in that step alone


def pixels() -> Encoder:
    """Sees the pixels themselves."""
    return Encoder(nn.Identity(), SHAPE, 0)


def cnn() -> Encoder:
    """Two depths of maps, and a latent; with weights of its own seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        body = nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 5, 2), nn.ReLU()
        )
        return Encoder(body, SHAPE, 4)


def planted(lengths: tuple[int, ...], seed: int) -> Demonstration:
    """Steps of so many frames, with pixels that tell them, noise, and dead ones."""
    generator = torch.Generator().manual_seed(seed)
    label = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
    frames = torch.randint(90, 110, (len(label), PIXELS), generator=generator)
    for step, lit in TELLING.items():
        for pixel in lit:
            frames[:, pixel] = torch.where(label == step, 220, 20)
    frames += torch.randint(0, 5, frames.shape, generator=generator)
    frames[:, list(DEAD)] = 77
    obs = frames.to(torch.uint8).view(-1, *SHAPE)
    return Demonstration(obs, label, f"planted-{seed}")


def several(seeds: range) -> list[Demonstration]:
    """Of four steps, of lengths that differ."""
    generator = torch.Generator().manual_seed(seeds.start)
    found = []
    for seed in seeds:
        lengths = torch.randint(6, 11, (4,), generator=generator).tolist()
        found.append(planted(tuple(lengths), seed))
    return found


def backwards(demo: Demonstration) -> Demonstration:
    return replace(demo, frames=demo.frames.flip(0), steps=None)


def truth(demo: Demonstration) -> Tensor:
    """The step of each frame."""
    assert demo.steps is not None
    return demo.steps


def numbers(demo: Demonstration) -> Tensor:
    """Its pixels as the encoder of pixels sees them, `[T, F]`."""
    return demo.frames.flatten(1).float() / 255
