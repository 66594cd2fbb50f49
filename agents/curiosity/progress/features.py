"""Frozen random features of what is observed."""

from abc import ABC, abstractmethod
from typing import NamedTuple, final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from envs.vector_env import EnvSpec
from ssl_objectives.encoders.encoder import Encoder, EncoderConfig
from world_models.belief import checked
from world_models.moments import RunningMoments
from world_models.trajectory import Trajectory
from world_models.vector_input import numbers_read


@final
class RandomMlp(nn.Module):
    """A frozen two-layer MLP on whitened, clipped vectors.

    Args:
        vector_size: V, numbers that are read: the first of those observed.
        hidden: units between the layers.
        size: features.
    """

    def __init__(self, vector_size: int, hidden: int, size: int) -> None:
        super().__init__()
        self.vector_size = vector_size
        self.moments = RunningMoments((vector_size,))
        first, second = nn.Linear(vector_size, hidden), nn.Linear(hidden, size)
        for layer in (first, second):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        self.layers = nn.Sequential(first, nn.ReLU(), second).requires_grad_(False)

    def forward(self, vector: Float32[Tensor, "R B N"]) -> Float32[Tensor, "R B F"]:
        """Whiten by the moments of what was shown, and embed."""
        vector = vector[..., : self.vector_size]
        std = self.moments.std.clamp(min=1e-3)
        normal = ((vector - self.moments.mean.float()) / std).clamp(-5.0, 5.0)
        features: Tensor = self.layers(normal)
        return features


class Shown(NamedTuple):
    """Features, in groups that can be seen (1) or not (0, and their features too)."""

    value: Float32[Tensor, "R B G F"]
    mask: Float32[Tensor, "R B G"]


class Features(nn.Module, ABC):
    """φ: what is observed, through networks that never learn.

    Args:
        groups: G, groups that are measured apart, each where it can be seen.
        size: F, features of each.
    """

    def __init__(self, groups: int, size: int) -> None:
        super().__init__()
        self.groups, self.size = groups, size

    @abstractmethod
    def forward(self, traj: Trajectory) -> Shown:
        """Features of rows 0 … T, without gradient.

        Raises:
            ValueError: what they are of is missing.
        """

    def watch(self, traj: Trajectory) -> None:
        """Let statistics of what is observed follow a rollout."""

    def train(self, mode: bool = True) -> "Features":
        """Stay in evaluation mode."""
        return super().train(False)


@final
class FrozenFeatures(Features):
    """Images and vectors through a network each: one group, which is always seen.

    Args:
        image: sees the newest frame alone; None looks at no image.
        vector: reads what is observed beside pixels; None where there is nothing.
        size: F, of both together.
    """

    def __init__(
        self, image: Encoder | None, vector: RandomMlp | None, size: int
    ) -> None:
        super().__init__(1, size)
        self.image, self.vector = image, vector
        self.requires_grad_(False).eval()

    @staticmethod
    def of(
        spec: EnvSpec,
        encoder: EncoderConfig,
        hidden: int,
        size: int,
        beside: int | None = None,
    ) -> "FrozenFeatures":
        """For the worlds of `spec`: of images with more than a pixel, and of vectors.

        Args:
            spec: of the worlds.
            encoder: of images.
            hidden, size: units and features of the MLP on vectors.
            beside: numbers of the vector that it reads, the first so many; None: all.

        Raises:
            ValueError: there is nothing to look at, or no such numbers.
        """
        image, vector, total = None, None, 0
        read = numbers_read(beside, spec.vector_size)
        if spec.obs_shape[1] * spec.obs_shape[2] > 1:
            image = checked(encoder.build(spec.obs_shape), Encoder, encoder)
            total += image.size
        if read:
            vector = RandomMlp(read, hidden, size)
            total += size
        if not total:
            raise ValueError(
                "these worlds show neither an image nor a vector: there are no "
                "features of them; measure progress by the model's own loss"
            )
        return FrozenFeatures(image, vector, total)

    @torch.no_grad()
    def watch(self, traj: Trajectory) -> None:
        """Let the whitening of vectors follow a rollout."""
        if self.vector is not None and traj.vector is not None:
            read = traj.vector[1:, :, : self.vector.vector_size]
            self.vector.moments.update(read.flatten(0, 1))

    @torch.no_grad()
    def forward(self, traj: Trajectory) -> Shown:
        """See `Features.forward`."""
        found = []
        if self.image is not None:
            found.append(self.image(traj.obs))
        if self.vector is not None:
            if traj.vector is None:
                raise ValueError(
                    "this signal reads a vector besides pixels; give the one observed"
                )
            found.append(self.vector(traj.vector))
        value = torch.cat(found, -1).unsqueeze(-2)
        return Shown(value, torch.ones_like(value[..., 0]))
