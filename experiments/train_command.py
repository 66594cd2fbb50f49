"""How `curious train` reads its arguments."""

from collections.abc import Sequence
from pathlib import Path

from experiments.command_line import Part, parse
from experiments.parts import ConfigError
from experiments.presets import PARTS, from_parts
from experiments.run_folder import RunFolder
from experiments.train import train
from experiments.train_config import TrainConfig

EXAMPLES = (
    "curious train byol-explore --world.game MontezumaRevenge",
    "curious train rnd --world key-door --seeds 5",
    "curious train byol-explore --world pixel-maze --agent.extrinsic.weight 0",
    "curious train ppo --agent frame-stack --world.game Pong --world.protocol machado",
    "curious train --resume runs/RUN --env-steps 200000",
    "curious train --config runs/RUN/config.json --seed 1",
)


# Listed in --help beside the parts; `take_resume` reads it.
_RESUME = Part("resume", {}, about="Go on with a run (or one of its checkpoints).")


def run(argv: Sequence[str]) -> int:
    """Train as the command line says; returns 0, or 130 when interrupted."""
    resume, rest = take_resume(argv)
    if resume is not None:
        if any(x.partition("=")[0] == "--config" for x in rest):
            raise ConfigError("--resume brings its own config; leave --config out.")
        rest = ["--config", str(RunFolder.open(resume).config_file), *rest]
    config = read_arguments(rest)
    results = train(config, resume)
    expected = 1 if resume is not None else config.seeds
    finished = len(results) == expected and all(x.finished for x in results)
    return 0 if finished else 130


def read_arguments(argv: Sequence[str]) -> TrainConfig:
    """The config that a command line without --resume asks for; see `parse`."""
    return parse(
        argv,
        (*PARTS, _RESUME),
        TrainConfig,
        from_parts,
        prog="curious train",
        description="Train a curious agent. The first argument names the agent, parts "
        "say what it is made of, and every other flag changes one number. Add --help "
        "to any of the examples for the flags of its parts.",
        examples=EXAMPLES,
    )


def take_resume(argv: Sequence[str]) -> tuple[Path | None, list[str]]:
    """`--resume PATH`, and the other arguments."""
    rest: list[str] = []
    path = None
    arguments = list(argv)
    while arguments:
        argument = arguments.pop(0)
        option, given, value = argument.partition("=")
        if option == "--resume" and given:
            path = Path(value)
        elif option == "--resume" and arguments and arguments[0][:1] != "-":
            path = Path(arguments.pop(0))
        else:  # a --resume without its value is left for the parser to complain about
            rest.append(argument)
    return path, rest
