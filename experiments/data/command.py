"""How `curious import` reads its arguments."""

from collections.abc import Sequence
from itertools import pairwise

from experiments.config.command_line import parse_plain
from experiments.data.config import ImportConfig
from ssl_objectives.refusal import ConfigError

EXAMPLES = (
    "curious import pictures/ --out data/pictures --size 84 84 --gray",
    "curious import clip.mp4 --out data/clip --size 84 84 --every 4",
    "curious import episodes/ --out data/episodes --obs image",
    "curious import d4rl.hdf5 --out data/d4rl --layout transitions",
    "curious import atari/breakout/expert-v0 --out data/breakout",
    "curious import robots/pusht --out data/pusht --size 96 96 --obs top",
    "curious import data/key-door --to-minari mine/key-door-v0",
    "curious import data/key-door --verify",
)


def run(argv: Sequence[str]) -> int:
    """Import, export or verify as the command line says; returns 0.

    Raises:
        ConfigError: no folder is named, or something else is wrong with the words.
        DatasetError: see `import_data`.
    """
    if "--out=" in argv or ("--out", "") in pairwise(argv):
        raise ConfigError("--out is empty. Name a folder.")  # a Path of it would be "."
    config = parse_plain(argv, ImportConfig, prog="curious import", examples=EXAMPLES)
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.data.importing import import_data

    import_data(config)
    return 0
