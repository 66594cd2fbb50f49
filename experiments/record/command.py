"""How `curious record` reads its arguments."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from experiments.config.choices import Choice
from experiments.config.command import parse
from experiments.record.policy import RANDOM
from experiments.record.recording import RecordConfig, record
from experiments.runs.folder import RunFolder
from experiments.train.config import TrainConfig
from experiments.train.tables import WORLDS
from ssl_objectives.refusal import ConfigError

EXAMPLES = (
    "curious record --world key-door --steps 200000 --out data/key-door --facts",
    "curious record --world atari --world.game Pong --out data/pong",
    "curious record --policy runs/RUN --steps 50000 --out data/played",
    "curious record --world pixel-maze --policy my_module:MyPolicy --out data/mine",
    "curious record --world atari --world.facts RAM SOUND --facts --out data/heard",
)

_WORLD = Choice(
    WORLDS, "Where (default: the world of the run that plays; else key-door)."
)


def run(argv: Sequence[str]) -> int:
    """Record as the command line says; returns 0, or 130 when interrupted."""
    config = parse(
        argv,
        (_WORLD,),
        RecordConfig,
        partial(_from_choices, _policy(argv)),
        prog="curious record",
        description="Record what a policy sees and does in a world, as a data set that "
        "models can be trained on. Add --help to any of the examples for the flags of "
        "its world.",
        examples=EXAMPLES,
    )
    return 0 if record(config).finished else 130


def _from_choices(policy: str | None, chosen: Mapping[str, str]) -> RecordConfig:
    policy = RANDOM if policy is None else policy
    name = chosen.get("world")
    if name is not None:
        return RecordConfig(world=WORLDS.make(name), policy=policy)
    if policy == RANDOM or ":" in policy:
        return RecordConfig(policy=policy)
    trained = RunFolder.open(Path(policy)).config()
    if not isinstance(trained, TrainConfig):
        raise ConfigError(f"{policy} is no training run.")
    return RecordConfig(world=trained.world, policy=policy)


def _policy(argv: Sequence[str]) -> str | None:
    """What `--policy` says, since it decides the world; all arguments stay."""
    policy = None
    for argument, following in zip(argv, [*argv[1:], ""], strict=False):
        option, given, value = argument.partition("=")
        if option == "--policy":
            policy = value if given else following
    return policy
