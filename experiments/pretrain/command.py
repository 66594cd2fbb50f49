"""How `curious pretrain` reads its arguments."""

from collections.abc import Sequence

from experiments.config.command import parse
from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.presets import CHOICES, from_choices
from experiments.pretrain.task import pretrain
from experiments.runs.resume_flag import RESUME, exit_code, take_resume

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
    config = read_arguments(rest)
    results = pretrain(config, resume)
    return exit_code(results, 1 if resume is not None else config.seeds)


def read_arguments(argv: Sequence[str]) -> PretrainConfig:
    """The config that a command line without --resume asks for; see `parse`."""
    return parse(
        argv,
        (*CHOICES, RESUME),
        PretrainConfig,
        from_choices,
        prog="curious pretrain",
        description="Pretrain an image encoder without labels, or with few. The first "
        "argument names the method, parts say what it is made of, and every other flag "
        "changes one number. Add --help to any of the examples for the flags of its "
        "parts.",
        examples=EXAMPLES,
    )
