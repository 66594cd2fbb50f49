"""How `curious reward fit` and `curious reward show` read their arguments."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.config.answers import ChoosingCommand, Loaded
from experiments.config.command_line import HelpAsked, Misuse, parse_plain
from experiments.reward.show_config import ShowConfig
from ssl_objectives.refusal import suggest

if TYPE_CHECKING:
    from experiments.reward.fit_config import FitConfig

FIT_EXAMPLES = (
    "curious reward fit data/expert --method.steps 3 --out rewards/key-door",
    "curious reward fit videos/ --size 84 84 --every 5 --out rewards/pour",
    "curious reward fit door/human-v2 --encoder nature --out rewards/door",
    "curious reward fit data/expert --encoder pretrained --encoder.path runs/RUN "
    "--out rewards/mine",
    "curious reward fit data/expert --method vip --out rewards/vip",
)
SHOW_EXAMPLES = (
    "curious reward show rewards/key-door data/expert",
    "curious reward show rewards/key-door data/unseen --labels has_key door_open",
    "curious reward show rewards/pour videos/ --shown 2 --every 5",
)
_USAGE = """\
usage: curious reward fit SOURCE --out FOLDER [options]
       curious reward show REWARD SOURCE [options]

A reward from a few demonstrations: recorded runs, videos, or data sets of Minari.

  fit   learn it: steps that demonstrations have in common, and how each looks
  show  a picture of demonstrations with their steps, their reward, and what it sees

examples:
  curious reward fit data/expert --method.steps 3 --out rewards/key-door
  curious reward show rewards/key-door data/expert

curious reward fit --help explains the first, curious reward show --help the second."""


def _load() -> "Loaded[FitConfig]":
    # Not before: torch takes a second, which help and mistakes need not wait for.
    from experiments.reward.choices import CHOICES, from_choices
    from experiments.reward.fit_config import FitConfig

    return Loaded(CHOICES, FitConfig, from_choices)


COMMAND = ChoosingCommand(
    "curious reward fit",
    "Learn a reward from 1 to 20 demonstrations: what frames look like when a task is "
    "half done, and done. SOURCE is a data set of `curious record`, a folder of videos "
    "or one, arrays, or a data set of Minari; one episode is one demonstration. Leaves "
    "one file, which `curious train --curiosity perceptual` pays.",
    FIT_EXAMPLES,
    _load,
)
"""Reads `fit`; `show` has no choices."""


def run(argv: Sequence[str]) -> int:
    """Learn or show as the command line says; returns 0.

    Raises:
        Misuse: neither of the two was asked for.
    """
    what, rest = (argv[0], argv[1:]) if argv else ("", ())
    if what == "fit":
        config = COMMAND.read(rest)
        from experiments.reward.fitting import fit  # imports torch

        fit(config)
        return 0
    if what == "show":
        asked = parse_plain(
            rest, ShowConfig, prog="curious reward show", examples=SHOW_EXAMPLES
        )
        from experiments.reward.showing import show  # imports torch

        show(asked)
        return 0
    if what in ("-h", "--help"):
        raise HelpAsked(_USAGE)
    if not what:
        raise Misuse(_USAGE)
    raise Misuse(
        f"There is no {what!r} here.{suggest(what, ['fit', 'show'])}\n{_USAGE}"
    )
