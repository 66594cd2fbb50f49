"""Hard negatives for contrastive methods: Ring (CNCE), Ball and VINCE.

They are one filter (`ssl_objectives/parts/filters.py: Ring`), hence no objectives of
their own: `InstanceConfig(ring=RingConfig())` is the paper's IR, `CmcConfig(...)` and
`MoCoConfig(...)` with the same ring its CMC and MoCo.
"""

from dataclasses import dataclass

from ssl_objectives.objective import Sizes
from ssl_objectives.parts.annealing import Exponential, Linear, Stairs
from ssl_objectives.parts.filters import CandidateFilter, Ring, Sample


@dataclass(frozen=True)
class RingConfig:
    """Negatives from a band of similarity around the query (arXiv 2010.02037).

    The defaults are the paper's: of the nearest tenth, all but the nearest tenth of
    those. `lower=0` is the Ball of arXiv 2005.13149, which annealed is its VINCE.

    Deviations: all of the ring takes part unless `sample` is set, as in the official
    code for MoCo; for IR it draws 4096 of it, with replacement. Left out is its
    annealing by loss or accuracy. See `ssl_objectives/parts/filters.py: Ring`.
    """

    lower: float = 0.1
    """inner edge: this share of the nearest is left out, since they may be alike"""
    upper: float = 0.1
    """outer edge: share of the negatives that are near enough"""
    dynamic_inner: bool = True
    """whether `lower` is a share of the outer edge, not of all negatives"""
    annealing: Linear | Exponential | Stairs | None = None
    """how the outer edge gets from 1 to `upper` during the run; none: it is there"""
    sample: int | None = None
    """negatives drawn from the ring per query; none: all of them"""

    def __post_init__(self) -> None:
        self.build(Sizes(latent=1, steps=1))

    def build(self, sizes: Sizes) -> tuple[CandidateFilter, ...]:
        """Build the filters.

        Raises:
            ValueError: the edges are no band, or the ring is annealed and the number
                of steps of the run is not known.
        """
        ring = Ring(
            self.lower, self.upper, self.dynamic_inner, self.annealing, sizes.steps
        )
        return (ring,) if self.sample is None else (ring, Sample(self.sample))


def filters(ring: RingConfig | None, sizes: Sizes) -> tuple[CandidateFilter, ...]:
    """Those of a ring, if there is one."""
    return () if ring is None else ring.build(sizes)
