"""Local Aggregation: nearest neighbours that share a cluster are positives."""

from dataclasses import dataclass

from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.objective import Needs, Sizes
from ssl_objectives.parts.assignment import SameCluster
from ssl_objectives.parts.candidates import Bank
from ssl_objectives.parts.critics import Cosine, checked_temperature
from ssl_objectives.parts.filters import TopK


@dataclass(frozen=True)
class LocalAggregationConfig:
    """Local Aggregation: rows that share a cluster come together.

    arXiv 1903.12355: `-log Σ_{C ∩ B} e^{q·M_k/τ} / Σ_B e^{q·M_k/τ}`. M is a memory with
    an entry per row, B the row's own entry and its nearest ones, C those that share a
    cluster with it in any clustering. Until the first sweep C is the row alone: let it
    be instance discrimination for some 10 epochs. Summed over views if there are two.

    Deviations: a sweep clusters fresh projections of all rows, where the official code
    clusters the memory, whose entries are up to an epoch old (or were never visited);
    and the own entry is always in B, where it can be missing and a 1e-7 inside the
    logarithm makes the loss jump to 16.
    """

    temperature: float = 0.07
    """τ of the cosine"""
    momentum: float = 0.5
    """what an entry of the memory keeps of itself in an update"""
    background: int = 4096
    """entries nearest to a row that make up B, its own apart"""
    clusters: tuple[int, ...] = (256, 256, 256)
    """of each clustering; the paper has 10 x 30000 for 1.3 million images"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)

    def build(self, sizes: Sizes) -> Contrast:
        """Build it for `sizes.rows` images.

        Raises:
            ValueError: the number of images is not known.
        """
        return Contrast(
            Cosine(self.temperature),
            Bank(sizes.rows, sizes.latent, self.momentum),
            filters=(TopK(self.background), SameCluster(sizes.rows, self.clusters)),
            needs=Needs(views=(1, 2), rows=True, sweep=True),
        )
