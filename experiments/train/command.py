"""How `curious train` reads its arguments."""

from collections.abc import Sequence

from experiments.config.command import parse
from experiments.runs.resume_flag import RESUME, exit_code, take_resume
from experiments.train.config import TrainConfig
from experiments.train.presets import CHOICES, from_choices
from experiments.train.task import train

EXAMPLES = (
    "curious train byol-explore --world.game MontezumaRevenge",
    "curious train rnd --world key-door --seeds 5",
    "curious train byol-explore --world pixel-maze --agent.extrinsic.weight 0",
    "curious train ppo --agent frame-stack --world.game Pong --world.protocol machado",
    "curious train --resume runs/RUN --env-steps 200000",
    "curious train --config runs/RUN/config.json --seed 1",
)


def run(argv: Sequence[str]) -> int:
    """Train as the command line says; returns 0, or 130 when interrupted."""
    resume, rest = take_resume(argv)
    config = read_arguments(rest)
    results = train(config, resume)
    return exit_code(results, 1 if resume is not None else config.seeds)


def read_arguments(argv: Sequence[str]) -> TrainConfig:
    """The config that a command line without --resume asks for; see `parse`."""
    return parse(
        argv,
        (*CHOICES, RESUME),
        TrainConfig,
        from_choices,
        prog="curious train",
        description="Train a curious agent. The first argument names the agent, parts "
        "say what it is made of, and every other flag changes one number. Add --help "
        "to any of the examples for the flags of its parts.",
        examples=EXAMPLES,
    )
