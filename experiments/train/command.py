"""How `curious train` reads its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.command import answer, parse, remember_choices
from experiments.runs.resume_flag import RESUME, exit_code, take_resume

if TYPE_CHECKING:
    from experiments.train.config import TrainConfig

PROG = "curious train"
DESCRIPTION = (
    "Train a curious agent. The first argument names the agent, parts "
    "say what it is made of, and every other flag changes one number. Add --help "
    "to any of the examples for the flags of its parts."
)
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
    answer(rest, PROG)
    config = read_arguments(rest)
    from experiments.train.task import train

    results = train(config, resume)
    return exit_code(results, 1 if resume is not None else config.seeds)


def read_arguments(argv: Sequence[str]) -> "TrainConfig":
    """The config that a command line without --resume asks for; see `parse`."""
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.train.config import TrainConfig
    from experiments.train.presets import PARTS, from_parts

    return parse(
        argv,
        (*PARTS, RESUME),
        TrainConfig,
        from_parts,
        prog=PROG,
        description=DESCRIPTION,
        examples=EXAMPLES,
        memorable=True,
    )


def remember() -> None:
    """Have help and refusals need no torch from now on; see `remember_choices`."""
    from experiments.train.presets import PARTS, from_parts

    remember_choices(
        (*PARTS, RESUME),
        from_parts,
        prog=PROG,
        description=DESCRIPTION,
        examples=EXAMPLES,
    )
