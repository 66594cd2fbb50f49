"""How `curious watch` reads its arguments."""

from collections.abc import Sequence

from experiments.config.command_line import parse_plain
from experiments.watch.config import WatchConfig

EXAMPLES = (
    "curious watch runs/RUN",
    "curious watch runs/RUN --steps 1000 --window 200 --out watched.mp4",
    "curious watch runs/RUN/checkpoints/step-000000016384.safetensors",
)


def run(argv: Sequence[str]) -> int:
    """Watch as the command line says; returns 0."""
    config = parse_plain(argv, WatchConfig, prog="curious watch", examples=EXAMPLES)
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.watch.watching import watch

    watch(config)
    return 0
