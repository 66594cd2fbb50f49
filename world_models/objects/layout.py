"""Objects in groups as numbers: where each is, and whether it can be seen."""

from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float32
from torch import Tensor


class Objects(NamedTuple):
    """Places, and masks: 1 where an object can be seen, else 0 (and its place 0)."""

    place: Float32[Tensor, "*batch G M 2"]
    mask: Float32[Tensor, "*batch G M"]


@dataclass(frozen=True)
class Layout:
    """G groups of up to M objects: all places (x, y), then all masks, in this order.

    Attributes:
        groups: G. What one group does depends on nothing in another.
        objects: M.
    """

    groups: int = 4
    objects: int = 4

    def __post_init__(self) -> None:
        if self.groups < 1 or self.objects < 1:
            raise ValueError(
                "there must be a group and an object in it, not "
                f"{self.groups} and {self.objects}"
            )

    @property
    def size(self) -> int:
        """Numbers of all objects: 3 G M."""
        return 3 * self.groups * self.objects

    def read(self, latent: Float32[Tensor, "*batch D"]) -> Objects:
        """Objects from their numbers; views."""
        batch, count = latent.shape[:-1], self.groups * self.objects
        place = latent[..., : 2 * count].view(*batch, self.groups, self.objects, 2)
        return Objects(
            place, latent[..., 2 * count :].view(*batch, self.groups, self.objects)
        )
