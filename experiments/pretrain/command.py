"""How `curious pretrain` reads its arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.command import answer, parse, remember_choices
from experiments.runs.resume_flag import RESUME, exit_code, take_resume

if TYPE_CHECKING:
    from experiments.pretrain.config import PretrainConfig

PROG = "curious pretrain"
DESCRIPTION = (
    "Pretrain an image encoder without labels, or with few. The first "
    "argument names the method, parts say what it is made of, and every other flag "
    "changes one number. Add --help to any of the examples for the flags of its "
    "parts."
)
EXAMPLES = (
    "curious pretrain simclr --images fashion-mnist --steps 300",
    "curious pretrain moco-v2 --encoder resnet --method.objective.temperature 0.2",
    "curious pretrain vicreg --images folder --images.path pictures --seeds 3",
    "curious pretrain byol --images recorded --images.path data/key-door",
    "curious pretrain --resume runs/RUN --steps 600",
    "curious pretrain --config runs/RUN/config.json --seed 1",
    "torchrun --nproc-per-node 2 -m experiments.pretrain simclr --batch-size 256",
)


def run(argv: Sequence[str]) -> int:
    """Pretrain as the command line says; returns 0, or 130 when interrupted."""
    resume, rest = take_resume(argv)
    answer(rest, PROG)
    config = read_arguments(rest)
    from experiments.pretrain.task import pretrain

    results = pretrain(config, resume)
    return exit_code(results, 1 if resume is not None else config.seeds)


def read_arguments(argv: Sequence[str]) -> "PretrainConfig":
    """The config that a command line without --resume asks for; see `parse`."""
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.pretrain.config import PretrainConfig
    from experiments.pretrain.parts import PARTS
    from experiments.pretrain.presets import from_parts

    return parse(
        argv,
        (*PARTS, RESUME),
        PretrainConfig,
        from_parts,
        prog=PROG,
        description=DESCRIPTION,
        examples=EXAMPLES,
        memorable=True,
    )


def remember() -> None:
    """Have help and refusals need no torch from now on; see `remember_choices`."""
    from experiments.pretrain.parts import PARTS
    from experiments.pretrain.presets import from_parts

    remember_choices(
        (*PARTS, RESUME),
        from_parts,
        prog=PROG,
        description=DESCRIPTION,
        examples=EXAMPLES,
    )
