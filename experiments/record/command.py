"""How `curious record` reads its arguments."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded
from experiments.config.command_line import parse

if TYPE_CHECKING:
    from experiments.record.recording import RecordConfig

EXAMPLES = (
    "curious record --world key-door --steps 200000 --out data/key-door --facts",
    "curious record --world atari --world.game Pong --out data/pong",
    "curious record --policy runs/RUN --steps 50000 --out data/played",
    "curious record --world key-door --policy expert --mistakes 0.1 --out data/expert",
    "curious record --world pixel-maze --policy my_module:MyPolicy --out data/mine",
    "curious record --world key-door --noise layer --facts --out data/noisy",
    "curious record --world atari --world.facts ram sound --facts --out data/heard",
)


def _load() -> "Loaded[RecordConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.record.choices import NOISE, WORLD, from_choices
    from experiments.record.recording import RecordConfig

    return Loaded((WORLD, NOISE), RecordConfig, partial(from_choices, None))


COMMAND = ChoosingCommand(
    "curious record",
    "Record what a policy sees and does in a world, as a data set that "
    "models can be trained on. Add --help to any of the examples for the flags of "
    "its world.",
    EXAMPLES,
    _load,
)
"""Reads all but what `--policy` decides: the world of the run that plays."""


def run(argv: Sequence[str]) -> int:
    """Record as the command line says; returns 0, or 130 when interrupted."""
    policy = _policy(argv)
    config = COMMAND.read(argv) if policy is None else _read_with(policy, argv)
    from experiments.record.recording import record  # imports torch

    return 0 if record(config).finished else 130


def _read_with(policy: str, argv: Sequence[str]) -> "RecordConfig":
    from experiments.record.choices import from_choices  # imports torch

    choices, config_type, _ = _load()
    return parse(
        argv,
        choices,
        config_type,
        partial(from_choices, policy),
        prog=COMMAND.prog,
        description=COMMAND.description,
        examples=COMMAND.examples,
    )


def _policy(argv: Sequence[str]) -> str | None:
    """What `--policy` says, since it decides the world; all arguments stay."""
    policy = None
    for argument, following in zip(argv, [*argv[1:], ""], strict=False):
        option, given, value = argument.partition("=")
        if option == "--policy":
            policy = value if given else following
    return policy
