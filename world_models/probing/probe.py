"""The contract of probes: fitted on some episodes, read on others, told as tallies.

reader = Ridge().fit(train, val)
for fact, tally in reader.read(test).items():
    print(fact, estimates(tally))
"""

from abc import ABC, abstractmethod

from jaxtyping import Float64
from torch import Tensor

from world_models.probing.rows import Rows


class Tally(ABC):
    """How well one fact was read, as numbers that add up over rows.

    Scores follow from the sums over rows, whichever rows these are. So the scores of a
    bootstrap's draws of episodes cost one matrix product, whatever the score.

    Attributes:
        sums: S numbers for each of E episodes.
    """

    def __init__(self, sums: Float64[Tensor, "E S"]) -> None:
        self.sums = sums

    @abstractmethod
    def scores(
        self, sums: Float64[Tensor, "*draws S"]
    ) -> dict[str, Float64[Tensor, "*draws"]]:
        """What the sums over some rows come to, by the name of the score."""


class Reader(ABC):
    """A fitted probe: it reads facts off latents, and learns no more."""

    @abstractmethod
    def read(self, rows: Rows) -> dict[str, Tally]:
        """How well it reads each of its facts on rows that it was not fitted on."""


class Probe(ABC):
    """How a reader is fitted; all facts at once, each as if it were alone.

    Attributes:
        name: of the probe in tables.
    """

    name: str

    @abstractmethod
    def fit(self, train: Rows, val: Rows) -> Reader:
        """Fit a reader on `train`; what has to be chosen is chosen on `val`.

        Whatever brings latents to a common scale is computed on `train` alone, and then
        stays. Facts of a kind that the probe does not read are left out.
        """
