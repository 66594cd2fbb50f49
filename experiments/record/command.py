"""How `curious record` reads its arguments."""

from collections.abc import Sequence
from functools import partial

from experiments.config.command import answer, parse, remember_choices

PROG = "curious record"
DESCRIPTION = (
    "Record what a policy sees and does in a world, as a data set that "
    "models can be trained on. Add --help to any of the examples for the flags of "
    "its world."
)
EXAMPLES = (
    "curious record --world key-door --steps 200000 --out data/key-door --facts",
    "curious record --world atari --world.game Pong --out data/pong",
    "curious record --policy runs/RUN --steps 50000 --out data/played",
    "curious record --world pixel-maze --policy my_module:MyPolicy --out data/mine",
    "curious record --world atari --world.facts ram sound --facts --out data/heard",
)


def run(argv: Sequence[str]) -> int:
    """Record as the command line says; returns 0, or 130 when interrupted."""
    policy = _policy(argv)
    if policy is None:
        answer(argv, PROG)
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.record.choices import WORLD, from_parts
    from experiments.record.recording import RecordConfig, record

    config = parse(
        argv,
        (WORLD,),
        RecordConfig,
        partial(from_parts, policy),
        prog=PROG,
        description=DESCRIPTION,
        examples=EXAMPLES,
        memorable=policy is None,
    )
    return 0 if record(config).finished else 130


def remember() -> None:
    """Have help and refusals need no torch from now on; see `remember_choices`."""
    from experiments.record.choices import WORLD, from_parts

    remember_choices(
        (WORLD,),
        partial(from_parts, None),
        prog=PROG,
        description=DESCRIPTION,
        examples=EXAMPLES,
    )


def _policy(argv: Sequence[str]) -> str | None:
    """What `--policy` says, since it decides the world; all arguments stay."""
    policy = None
    for argument, following in zip(argv, [*argv[1:], ""], strict=False):
        option, given, value = argument.partition("=")
        if option == "--policy":
            policy = value if given else following
    return policy
