"""How `curious train` reads its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded
from experiments.runs.resume_flag import RESUME, exit_code, take_resume

if TYPE_CHECKING:
    from experiments.train.config import TrainConfig

EXAMPLES = (
    "curious train byol-explore --world.game MontezumaRevenge",
    "curious train rnd --world key-door --seeds 5",
    "curious train byol-explore --world pixel-maze --agent.extrinsic.weight 0",
    "curious train rnd --world pixel-maze --noise tv --noise.height 0.25",
    "curious train ppo --core frame-stack --world.game Pong --world.protocol machado",
    "torchrun --nproc-per-node 2 -m experiments.train byol-explore --world pixel-maze",
    "curious train --resume runs/RUN --env-steps 200000",
    "curious train --config runs/RUN/config.json --seed 1",
)


def _load() -> "Loaded[TrainConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.train.config import TrainConfig
    from experiments.train.presets import CHOICES, from_choices

    return Loaded((*CHOICES, RESUME), TrainConfig, from_choices)


COMMAND = ChoosingCommand(
    "curious train",
    "Train a curious agent. The first argument names the agent, parts "
    "say what it is made of, and every other flag changes one number. Add --help "
    "to any of the examples for the flags of its parts.",
    EXAMPLES,
    _load,
)
"""Reads all but `--resume`."""


def run(argv: Sequence[str]) -> int:
    """Train as the command line says; returns 0, or 130 when interrupted."""
    resume, rest = take_resume(argv)
    config = COMMAND.read(rest)
    from experiments.train.task import train  # imports torch

    results = train(config, resume)
    return exit_code(results, 1 if resume is not None else config.seeds)
