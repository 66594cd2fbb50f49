"""The encoder of objects: a latent for each group, from what can be seen of it."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from world_models.objects.group_mlp import GroupMlp
from world_models.objects.layout import Layout, Objects
from world_models.vector_encoder import VectorEncoder


@final
class GroupEncoder(nn.Module):
    """`z_g = m_g f_g(x_g, m_g,1 … m_g,M)`; m_g is 1 where any object of g can be seen.

    Latents are laid out as objects are, one for each group: all z, then all m.

    Args:
        layout: of the objects.
        hidden: units of the hidden layer of each group.
        size: Z, numbers of a group's latent.
    """

    def __init__(self, layout: Layout, hidden: int, size: int) -> None:
        super().__init__()
        self.layout = layout
        self.latents = Layout(layout.groups, 1, size)
        self.network = GroupMlp(layout.groups, (layout.inputs, hidden, size))

    def forward(
        self, vector: Float32[Tensor, "*batch V"]
    ) -> Float32[Tensor, "*batch D"]:
        """Latents of all groups."""
        seen = self.layout.read(vector)
        x = torch.cat([seen.place.flatten(-2), seen.mask], -1).flatten(0, -3)
        latent = self.network(x.transpose(0, 1)).transpose(0, 1)
        mask = seen.mask.amax(-1, keepdim=True)
        place = latent.reshape(*mask.shape, -1) * mask.unsqueeze(-1)
        return self.latents.write(Objects(place, mask))


@dataclass(frozen=True)
class ObjectLatentsConfig:
    """A small network per group turns places and masks into a latent of the group."""

    start: int = 12
    """the first of the vector's numbers that tell objects"""
    layout: Layout = field(default_factory=Layout)
    """groups and objects, as the numbers tell them"""
    hidden: int = 64
    """units of the hidden layer of each group"""
    size: int = 16
    """numbers of a group's latent"""

    def __post_init__(self) -> None:
        if self.start < 0 or self.hidden < 1 or self.size < 1:
            raise ValueError(
                "start must be at least 0, hidden and size at least 1, not "
                f"{self.start}, {self.hidden} and {self.size}"
            )

    def of_vector(
        self, vector_size: int, image_shape: tuple[int, int, int]
    ) -> VectorEncoder:
        """Build the encoder.

        Raises:
            ValueError: the world's vector has not so many numbers.
        """
        stop = self.start + self.layout.size
        if stop > vector_size:
            raise ValueError(
                f"{self.layout.groups} groups of {self.layout.objects} objects are the "
                f"numbers {self.start} to {stop} of a vector, and this world's has "
                f"{vector_size}: take --world attention, or another layout"
            )
        network = GroupEncoder(self.layout, self.hidden, self.size)
        size = network.latents.size
        return VectorEncoder(network, self.start, stop, size, image_shape)
