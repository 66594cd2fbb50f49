"""How `curious train` reads its arguments."""

import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.command_line import parse
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


def run(argv: Sequence[str]) -> int:
    """Train as the command line says; returns 0, or 130 when interrupted."""
    resume, rest = _take_resume(argv)
    if resume is not None:
        rest = ["--config", str(RunFolder.open(resume).config_file), *rest]
    config = parse(
        rest,
        PARTS,
        TrainConfig,
        from_parts,
        prog="curious train",
        description="Train a curious agent. The first argument names the agent; parts "
        "say what it is made of; every other flag changes one number. "
        "--resume RUN continues a run (or one of its checkpoints).",
        examples=EXAMPLES,
    )
    results = train(config, resume)
    return 0 if all(result.finished for result in results) else 130


def _take_resume(argv: Sequence[str]) -> tuple[Path | None, list[str]]:
    """`--resume PATH`, and the other arguments."""
    rest, path = [], None
    arguments = iter(argv)
    for argument in arguments:
        option, given, value = argument.partition("=")
        if option != "--resume":
            rest.append(argument)
            continue
        path = value if given else next(arguments, "")
        if not path or path.startswith("-"):
            raise ConfigError("--resume needs a run folder: --resume runs/RUN")
    return (None if path is None else Path(path)), rest


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
