"""How `curious pretrain` reads its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded
from experiments.runs.resume_flag import RESUME, exit_code, take_resume

if TYPE_CHECKING:
    from experiments.pretrain.config import PretrainConfig

EXAMPLES = (
    "curious pretrain simclr --images fashion-mnist --steps 300",
    "curious pretrain moco-v2 --encoder resnet --method.objective.temperature 0.2",
    "curious pretrain vicreg --images folder --images.path pictures --seeds 3",
    "curious pretrain byol --images recorded --images.path data/key-door",
    "curious pretrain --resume runs/RUN --steps 600",
    "curious pretrain --config runs/RUN/config.json --seed 1",
    "torchrun --nproc-per-node 2 -m experiments.pretrain simclr --batch-size 256",
)


def _load() -> "Loaded[PretrainConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.pretrain.config import PretrainConfig
    from experiments.pretrain.presets import CHOICES, from_choices

    return Loaded((*CHOICES, RESUME), PretrainConfig, from_choices)


COMMAND = ChoosingCommand(
    "curious pretrain",
    "Pretrain an image encoder without labels, or with few. The first "
    "argument names the method, parts say what it is made of, and every other flag "
    "changes one number. Add --help to any of the examples for the flags of its "
    "parts.",
    EXAMPLES,
    _load,
)
"""Reads all but `--resume`."""


def run(argv: Sequence[str]) -> int:
    """Pretrain as the command line says; returns 0, or 130 when interrupted."""
    resume, rest = take_resume(argv)
    config = COMMAND.read(rest)
    from experiments.pretrain.task import pretrain  # imports torch

    results = pretrain(config, resume)
    return exit_code(results, 1 if resume is not None else config.seeds)
