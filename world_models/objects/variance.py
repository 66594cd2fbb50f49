"""Latents of groups are kept from collapsing, each group by itself."""

from dataclasses import dataclass, field
from typing import final

from ssl_objectives.parts.moments import variance_hinge
from world_models.belief import BeliefModel
from world_models.objects.layout import Layout
from world_models.terms.term import Added, Term, Unrolled


@final
class GroupVariance(Term):
    """`c Σ_g w_g mean_d relu(1 - √(Var_d z_g + ε))`, VICReg's variance.

    See arXiv 2105.04906. The variance of a group is that of the rows in which it can be
    seen. They may be few where somebody looks elsewhere: `w_g = min(1, n_g / enough)`.

    Args:
        layout: of the latents.
        weight: c.
        enough: rows that tell a variance.
    """

    def __init__(self, layout: Layout, weight: float = 1.0, enough: int = 16) -> None:
        super().__init__()
        self.layout, self.weight, self.enough = layout, weight, enough

    def forward(self, unrolled: Unrolled) -> Added:
        """Over all rows that have latents."""
        if unrolled.latent is None:
            return Added()
        seen = self.layout.read(unrolled.latent.flatten(0, 1))
        place = seen.place.permute(1, 2, 0, 3)  # [G, M, rows, N]
        mask = seen.mask.permute(1, 2, 0) > 0
        share = (mask.sum(-1) / self.enough).clamp(max=1.0)
        lack = (share * variance_hinge(place, mask)).sum()
        return Added(self.weight * lack, metrics={"variance_lack": lack.detach()})


@dataclass(frozen=True)
class GroupVarianceConfig:
    """Ask the latents of each group to differ from row to row."""

    layout: Layout = field(default_factory=lambda: Layout(4, 1, 16))
    """of the latents: groups, one object in each, its numbers"""
    weight: float = 1.0
    """of what standard deviations lack of 1, summed over groups"""
    enough: int = 16
    """rows of a group from which on it counts in full"""

    def __post_init__(self) -> None:
        if self.weight < 0 or self.enough < 1:
            raise ValueError(
                f"weight must be at least 0 and enough at least 1, not {self.weight} "
                f"and {self.enough}"
            )

    def build(self, belief: BeliefModel, latent_size: int) -> GroupVariance:
        """Build the term.

        Raises:
            ValueError: latents are of another layout.
        """
        if latent_size != self.layout.size:
            raise ValueError(
                f"{self.layout.groups} groups of {self.layout.objects} objects with "
                f"{self.layout.numbers} numbers and a mask each are "
                f"{self.layout.size} numbers, and latents have {latent_size}: take "
                "--encoder object-latents"
            )
        return GroupVariance(self.layout, self.weight, self.enough)
