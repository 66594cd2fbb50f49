"""Which four groups there are: an animate one by name, and its company."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import torch

from envs.behaviours.behaviour import Behaviour
from envs.behaviours.chasing import Chasing
from envs.behaviours.mimicry import Mimicry
from envs.behaviours.noise import Noise
from envs.behaviours.peekaboo import Peekaboo
from envs.behaviours.periodic import Periodic
from envs.behaviours.reaching import Reaching
from envs.behaviours.static import Static

GROUPS = 4


class Animate(Enum):
    """Group 0, whose actor seems to be after something; nobody's is noise, too."""

    REACHING = "reaching"
    CHASING = "chasing"
    PEEKABOO = "peekaboo"
    MIMICRY = "mimicry"
    NOBODY = "nobody"


class Company(Enum):
    """All groups but the first."""

    MIXTURE = "mixture"
    NOISE = "noise"


@dataclass(frozen=True)
class Kind:
    """Groups that behave alike, and are stepped in one call.

    Attributes:
        name: of the behaviour.
        behaviour: the rules.
        count: how many of the four groups follow them.
    """

    name: str
    behaviour: Behaviour
    count: int = 1

    @property
    def names(self) -> Iterator[str]:
        """What its groups are called."""
        return (f"{self.name}-{i + 1}" if i else self.name for i in range(self.count))


def animate(
    name: Animate,
    stochastic: bool,
    jitter: float,
    device: torch.device | str,
    aside: bool = False,
) -> Kind:
    """The kind of group 0.

    Args:
        stochastic, jitter, aside: see the behaviours.
    """
    behaviour: Behaviour
    match name:
        case Animate.REACHING:
            behaviour = Reaching(stochastic, device)
        case Animate.CHASING:
            behaviour = Chasing(stochastic, jitter, device)
        case Animate.PEEKABOO:
            behaviour = Peekaboo(stochastic, aside)
        case Animate.MIMICRY:
            behaviour = Mimicry(stochastic)
        case Animate.NOBODY:
            behaviour = Noise()
    return Kind(name.value, behaviour)


def company(name: Company, others: int = GROUPS - 1) -> tuple[Kind, ...]:
    """The kinds of all groups but the first; a mixture takes them in turn."""
    if name is Company.NOISE:
        return (Kind("noise", Noise(), others),)
    mixture = (("static", Static()), ("periodic", Periodic()), ("noise", Noise()))
    return tuple(
        Kind(called, behaviour, (others + 2 - i) // 3)
        for i, (called, behaviour) in enumerate(mixture)
    )
