"""How `curious picture` reads its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded

if TYPE_CHECKING:
    from experiments.picture.config import PictureConfig

EXAMPLES = (
    "curious picture runs/RUN",
    "curious picture runs/RUN --ahead 16 --shown 5",
    "curious picture runs/RUN/checkpoints/step-000000000300.safetensors",
    "curious picture runs/RUN --world moving-dot --data.world.noise.alpha 1",
    "curious picture runs/RUN --data recorded --data.path data/key-door",
    "curious picture runs/RUN --decoder flat --steps 2000",
    "curious picture runs/RUN --generate 5000 --out pictures",
)


def _load() -> "Loaded[PictureConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.picture.choices import CHOICES, from_choices
    from experiments.picture.config import PictureConfig

    return Loaded(CHOICES, PictureConfig, from_choices)


COMMAND = ChoosingCommand(
    "curious picture",
    "Look into the world model of a run of train-model or train. A decoder learns to "
    "draw frames from the model's latents, and the model feels nothing of it. What is "
    "left: a grid and a GIF of frames as they came, as they are reconstructed from "
    "their latents, and as they are imagined from the first one and the actions alone; "
    "and how wrong each is, step by step.",
    EXAMPLES,
    _load,
)
"""Reads all of it."""


def run(argv: Sequence[str]) -> int:
    """Draw as the command line says; returns 0."""
    config = COMMAND.read(argv)
    from experiments.picture.picturing import picture  # imports torch

    picture(config)
    return 0
