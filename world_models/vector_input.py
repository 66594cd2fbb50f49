"""What an agent observes besides pixels: normalised numbers, embedded."""

from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from world_models.moments import RunningMoments


@final
class VectorInput(nn.Module):
    """`tanh(W clip((v - mean) / std, ±5) + b)`: a vector observation for the core.

    Mean and std are those of all rows so far; before any was seen the vector is read
    as it is.

    Args:
        vector_size: V, numbers that are read: the first of those observed.
        size: of what the core gets.
    """

    def __init__(self, vector_size: int, size: int = 32) -> None:
        super().__init__()
        self.vector_size, self.size = vector_size, size
        self.moments = RunningMoments((vector_size,))
        self.linear = nn.Linear(vector_size, size)

    def forward(
        self, vector: Float32[Tensor, "*batch N"] | None
    ) -> Float32[Tensor, "*batch E"]:
        """Normalise and embed.

        Raises:
            ValueError: there is none.
        """
        if vector is None:
            raise ValueError(
                "this belief reads a vector besides pixels; give the one observed"
            )
        std = self.moments.std.clamp(min=1e-3)
        vector = vector[..., : self.vector_size]
        normal = ((vector - self.moments.mean.float()) / std).clamp(-5.0, 5.0)
        return torch.tanh(self.linear(normal))

    def follow(self, vector: Float32[Tensor, "T B N"]) -> None:
        """Let mean and std follow a rollout; with several processes, those of all."""
        self.moments.update(vector[..., : self.vector_size].flatten(0, 1))


def numbers_read(asked: int | None, told: int) -> int:
    """How many of the vector's numbers, the first ones, are read.

    Args:
        asked: for; None: all.
        told: by the world.

    Raises:
        ValueError: more than the world tells, or fewer than none.
    """
    if asked is None:
        return told
    if not 0 <= asked <= told:
        raise ValueError(
            f"beside must be between 0 and {told}, the numbers that this world tells "
            f"besides pixels, not {asked}"
        )
    return asked
