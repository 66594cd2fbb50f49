"""How `curious watch` reads its arguments: a run's, or a world's."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from envs.registration import IDS
from experiments.config.answers import ChoosingCommand, Loaded
from experiments.config.command_line import parse_plain
from experiments.watch.config import WatchConfig
from ssl_objectives.refusal import ConfigError, suggest

if TYPE_CHECKING:
    from experiments.watch.world_config import WatchWorldConfig

PROG = "curious watch"
OF_RUNS = (
    "curious watch runs/RUN",
    "curious watch runs/RUN --steps 1000 --window 200 --out watched.mp4",
    "curious watch runs/RUN/checkpoints/step-000000016384.safetensors",
)
OF_WORLDS = (
    "curious watch social-room --world.varied",
    "curious watch key-door --noise tv --policy my_module:MyPolicy",
    "curious watch atari --world.game Pong --steps 1000",
    "curious watch CartPole-v1",
    "curious watch my_module:MyWorldConfig --out watched.mp4",
)
WORLDS = tuple(
    re.sub(r"(?<=[a-z])(?=[A-Z])", "-", x.split("/")[1].removesuffix("-v0")).lower()
    for x in IDS
)
"""worlds by name, without what they are made of (which imports torch)"""
_GYMNASIUM_ID = re.compile(r"([\w.:-]+/)?[\w.:-]+-v\d+")


def _load() -> "Loaded[WatchWorldConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.watch.world_config import CHOICES, WatchWorldConfig, from_choices

    return Loaded(CHOICES, WatchWorldConfig, from_choices)


COMMAND = ChoosingCommand(
    f"{PROG} WORLD",
    "Show any world on video: what an agent sees of it, the world from above where it "
    "can be shown so, and its reward, under random play or a policy of yours. WORLD is "
    "a name, the id of a Gymnasium env, or my_module:MyConfig.",
    OF_WORLDS,
    _load,
)
"""Reads what is asked of a world; runs have flags of their own."""


def run(argv: Sequence[str]) -> int:
    """Watch as the command line says; returns 0, or 130 when interrupted."""
    chosen = _of_a_world(argv)
    if chosen is not None:
        of_world = COMMAND.read(chosen)
        from experiments.watch.watching import watch_world  # imports torch

        return 0 if watch_world(of_world).finished else 130
    config = parse_plain(argv, WatchConfig, prog=PROG, examples=(*OF_RUNS, *OF_WORLDS))
    asked = str(config.run)
    if "/" not in asked and not config.run.exists():
        known = suggest(asked, [*WORLDS, "gymnasium"])
        raise ConfigError(f"There is neither a run nor a world {asked!r}.{known}")
    from experiments.watch.watching import watch  # imports torch

    return 0 if watch(config).finished else 130


def _of_a_world(argv: Sequence[str]) -> list[str] | None:
    """The same with `--world`, if a world is to be watched; None if it is a run."""
    first = argv[0] if argv else ""
    if first == "WORLD":  # as the help writes it
        return list(argv[1:])
    if any(x.partition("=")[0] == "--world" for x in argv):
        return list(argv)
    if first.startswith("-") or Path(first).exists():
        return None
    if first in (*WORLDS, "gymnasium"):
        return ["--world", first, *argv[1:]]
    if _GYMNASIUM_ID.fullmatch(first):
        return ["--world", "gymnasium", "--world.id", first, *argv[1:]]
    return ["--world", first, *argv[1:]] if ":" in first else None
