"""How `curious probe` reads its arguments."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded
from experiments.config.command_line import parse

if TYPE_CHECKING:
    from experiments.probe.config import ProbeConfig

EXAMPLES = (
    "curious probe runs/RUN",
    "curious probe runs/RUN --policy runs/RUN --frames 20000 --horizon 10",
    "curious probe runs/RUN --world key-door --facts x y room",
    "curious probe runs/RUN --data data/dots --layers encoded predicted encoder.body.0",
    "curious probe my_module:encode --data data/mine --column speed=speed.npy",
)
DESCRIPTION = (
    "Probe a model: which facts (places, velocities, rooms …) can be read off its "
    "latents, seen and predicted, on episodes that no probe was fitted on. MODEL comes "
    "first: a run of train, train-model or pretrain, an encoder's file, or "
    "my_module:function from uint8 [N, C, H, W] to [N, D]. Numbers are read by ridge "
    "and by a network with a hidden layer, classes by a linear softmax. Beside each "
    "stand what looks at nothing, the same probe on shuffled facts, random weights and "
    "pixels. Leaves a page with pictures, and probe.json."
)


def _load() -> "Loaded[ProbeConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.probe.choices import NOISE, WORLD, from_choices
    from experiments.probe.config import ProbeConfig

    return Loaded((WORLD, NOISE), ProbeConfig, partial(from_choices, None, False))


COMMAND = ChoosingCommand("curious probe", DESCRIPTION, EXAMPLES, _load)
"""Reads all but what MODEL decides: the world of the run that is probed."""


def run(argv: Sequence[str]) -> int:
    """Probe as the command line says; returns 0."""
    model = _model(argv)
    config = COMMAND.read(argv) if model is None else _read_with(model, argv)
    from experiments.probe.probing import probe_model  # imports torch

    probe_model(config)
    return 0


def _read_with(model: str, argv: Sequence[str]) -> "ProbeConfig":
    from experiments.probe.choices import from_choices  # imports torch

    own_world = not any(x.partition("=")[0] == "--data" for x in argv)
    choices, config_type, _ = _load()
    return parse(
        argv,
        choices,
        config_type,
        partial(from_choices, model, own_world),
        prog=COMMAND.prog,
        description=COMMAND.description,
        examples=COMMAND.examples,
    )


def _model(argv: Sequence[str]) -> str | None:
    """MODEL, where it comes first, since it decides the world; all arguments stay."""
    return argv[0] if argv and not argv[0].startswith("-") else None
