"""Frozen features of objects, group by group, as yardstick."""

from dataclasses import dataclass, field
from typing import final

import torch
from torch import nn

from agents.curiosity.progress.features import Features, Shown
from agents.curiosity.progress.frozen_features import (
    ChangeOfFeatures,
    FeaturesThemselves,
    mlp_readout,
)
from agents.curiosity.signal import Surroundings
from world_models.latent_dynamics import LatentDynamics
from world_models.objects.displacements import Displacements
from world_models.objects.group_mlp import GroupMlp
from world_models.objects.layout import Layout
from world_models.objects.readout import GroupReadout
from world_models.trajectory import Trajectory


@final
class ObjectFeatures(Features):
    """`φ_g(x_g)`: places of each group's objects through a frozen network of its own.

    A group is seen where any of its objects is; where none is, its features are 0 and
    do not count.

    Args:
        start: the first of the vector's numbers that tell objects.
        layout: of these numbers.
        hidden: units of the hidden layer of each group.
        size: F, features of each.
    """

    def __init__(self, start: int, layout: Layout, hidden: int, size: int) -> None:
        super().__init__(layout.groups, size)
        self.start, self.layout = start, layout
        sizes = (layout.numbers * layout.objects, hidden, size)
        self.network = GroupMlp(layout.groups, sizes)
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, traj: Trajectory) -> Shown:
        """See `Features.forward`."""
        if traj.vector is None:
            raise ValueError(
                "this yardstick reads objects in a vector besides pixels; give the one "
                "observed"
            )
        numbers = traj.vector[..., self.start : self.start + self.layout.size]
        seen = self.layout.read(numbers)
        place = seen.place.flatten(-2).flatten(0, 1).transpose(0, 1)
        mask = seen.mask.amax(-1)
        value = self.network(place).transpose(0, 1).reshape(*mask.shape, -1)
        return Shown(value * mask.unsqueeze(-1), mask)


@dataclass(frozen=True)
class _ObjectConfig:
    """What both yardsticks share."""

    start: int = 12
    """the first of the vector's numbers that tell objects"""
    layout: Layout = field(default_factory=Layout)
    """groups and objects, as the numbers tell them"""
    hidden: int = 64
    """units of the frozen network of each group"""
    size: int = 16
    """features of each group"""
    readout: int = 64
    """units of the hidden layer that reads beliefs: of each group, where the model is
    one of groups"""
    scale: float = 1.0
    """of what is predicted, in standard deviations"""

    def __post_init__(self) -> None:
        for name in ("hidden", "size", "readout"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be at least 1, not {getattr(self, name)}"
                )
        if self.scale <= 0 or self.start < 0:
            raise ValueError(
                f"scale must be above 0 and start at least 0, not {self.scale} and "
                f"{self.start}"
            )

    def _parts(
        self, surroundings: Surroundings, model: LatentDynamics
    ) -> tuple[ObjectFeatures, nn.Module, float]:
        told, stop = surroundings.spec.vector_size, self.start + self.layout.size
        if stop > told:
            raise ValueError(
                f"features are those of objects, numbers {self.start} to {stop} of a "
                f"vector, and this world's has {told}: take --world attention, or "
                "--yardstick change"
            )
        features = ObjectFeatures(self.start, self.layout, self.hidden, self.size)
        return features, self._readout(model), self.scale

    def _readout(self, model: LatentDynamics) -> nn.Module:
        """A network for each group if the model is one of as many, else an MLP."""
        groups, predictor = self.layout.groups, model.predictor
        if isinstance(predictor, Displacements) and predictor.layout.groups == groups:
            return GroupReadout(predictor.history, self.readout, self.size)
        return mlp_readout(model, self.readout, groups * self.size)


@dataclass(frozen=True)
class ChangeOfObjectsConfig(_ObjectConfig):
    """How frozen features of each group of objects change, where it is seen."""

    def build(
        self, surroundings: Surroundings, model: LatentDynamics
    ) -> ChangeOfFeatures:
        """Build it.

        Raises:
            ValueError: the world tells no such objects.
        """
        return ChangeOfFeatures(*self._parts(surroundings, model))


@dataclass(frozen=True)
class ObjectsThemselvesConfig(_ObjectConfig):
    """Frozen features of each group as they are, where it is seen: for comparison."""

    def build(
        self, surroundings: Surroundings, model: LatentDynamics
    ) -> FeaturesThemselves:
        """Build it.

        Raises:
            ValueError: the world tells no such objects.
        """
        return FeaturesThemselves(*self._parts(surroundings, model))
