"""Objects in groups as numbers: where each is, and whether it can be seen."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float32
from torch import Tensor


class Objects(NamedTuple):
    """Places, and masks: 1 where an object can be seen, else 0 (and its place 0).

    A place are the object's N numbers: x and y, or where it is in a space of latents.
    """

    place: Float32[Tensor, "*batch G M N"]
    mask: Float32[Tensor, "*batch G M"]


@dataclass(frozen=True)
class Layout:
    """G groups of up to M objects: all places, then all masks, in this order.

    Attributes:
        groups: G. What one group does depends on nothing in another.
        objects: M.
        numbers: N of each place: x and y. Latents of whole groups are laid out alike,
            as one object each.
    """

    groups: int = 4
    objects: int = 4
    numbers: int = 2

    def __post_init__(self) -> None:
        if min(self.groups, self.objects, self.numbers) < 1:
            raise ValueError(
                "there must be a group, an object in it and a number of that, not "
                f"{self.groups}, {self.objects} and {self.numbers}"
            )

    @property
    def size(self) -> int:
        """Numbers of all objects, with masks: (N + 1) G M."""
        return (self.numbers + 1) * self.groups * self.objects

    @property
    def inputs(self) -> int:
        """Numbers of the objects of one group, with masks: (N + 1) M."""
        return (self.numbers + 1) * self.objects

    def read(self, latent: Float32[Tensor, "*batch D"]) -> Objects:
        """Objects from their numbers; views."""
        split = self.numbers * self.groups * self.objects
        shape = (*latent.shape[:-1], self.groups, self.objects)
        place = latent[..., :split].view(*shape, self.numbers)
        return Objects(place, latent[..., split:].view(shape))

    @staticmethod
    def write(objects: Objects) -> Float32[Tensor, "*batch D"]:
        """Numbers from objects."""
        return torch.cat([objects.place.flatten(-3), objects.mask.flatten(-2)], -1)
