"""How `curious train-model` reads its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded
from experiments.runs.resume_flag import RESUME, exit_code, take_resume

if TYPE_CHECKING:
    from experiments.model.config import TrainModelConfig

EXAMPLES = (
    "curious train-model jepa-vicreg --data.world.noise.alpha 1",
    "curious train-model jepa-vicreg --term inverse --model.terms.0.coefficient 100",
    "curious train-model contrastive --model.scope time --seeds 3",
    "curious train-model byol-explore --world key-door --core recurrent",
    "curious train-model spr --data recorded --data.path data/key-door",
    "curious train-model --resume runs/RUN --steps 600",
    "torchrun --nproc-per-node 2 -m experiments.train_model spr --batch-size 64",
)


def _load() -> "Loaded[TrainModelConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.model.config import TrainModelConfig
    from experiments.model.presets import CHOICES, from_choices

    return Loaded((*CHOICES, RESUME), TrainModelConfig, from_choices)


COMMAND = ChoosingCommand(
    "curious train-model",
    "Train a world model, from worlds stepped on the fly or from recorded data. The "
    "first argument names the model, parts say what it is made of, and every other "
    "flag changes one number. Add --help to any of the examples for the flags of its "
    "parts.",
    EXAMPLES,
    _load,
)
"""Reads all but `--resume`."""


def run(argv: Sequence[str]) -> int:
    """Train as the command line says; returns 0, or 130 when interrupted."""
    resume, rest = take_resume(argv)
    config = COMMAND.read(rest)
    from experiments.model.task import train_model  # imports torch

    results = train_model(config, resume)
    return exit_code(results, 1 if resume is not None else config.seeds)
