"""AtariARI's categories of labels, and its games (arXiv 1906.08226).

What a label is about follows from its name, by the rules of the published code
(mila-iqia/atari-representation-learning, MIT licence), by which its tables take means.
A few labels are in no category (the colours of Q*bert's tiles), one in two (lives and
direction of Asteroids, in one byte).
"""

import re
from enum import Enum

from envs.atari.ram import ram_maps

NOT_IN_THE_PAPER = frozenset({"battle_zone", "skiing"})
"""games that the published code got later"""


class Category(Enum):
    """What a label is about."""

    SMALL = "small objects"
    AGENT = "agent"
    OTHER = "other objects"
    SCORE = "score/clock/lives"
    MISC = "misc"


_PLACE = re.compile(r"_[xyz]|_column")
_SMALL = re.compile(r"ball|missile")
_AGENT = re.compile(r"agent|player")
_SCORE = re.compile(r"score|clock|lives|meter|display")
_MISC = re.compile(r"count|bit_map|existence|level|room|direction")


def categories(label: str) -> tuple[Category, ...]:
    """The categories that a label counts in: one as a rule; see above."""
    found = []
    if _PLACE.search(label):
        if _SMALL.search(label):
            found.append(Category.SMALL)
        elif _AGENT.search(label):
            found.append(Category.AGENT)
        else:
            found.append(Category.OTHER)
    if _SCORE.search(label):
        found.append(Category.SCORE)
    if _MISC.search(label):
        found.append(Category.MISC)
    return tuple(found)


def labelled_games() -> tuple[str, ...]:
    """The paper's 22 games, sorted."""
    return tuple(sorted(set(ram_maps()) - NOT_IN_THE_PAPER))
