"""Forward dynamics in an embedding: what will it be, after an action?"""

from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn

from envs.vector_env import EnvSpec
from world_models.actions import embedding_of


@final
class ForwardModel(nn.Module):
    """`φ̂(o_{t+1})` of `φ(o_t)` and `a_t`.

    Args:
        spec: of the worlds.
        size: D.
        hidden: units of the hidden layer.
    """

    def __init__(self, spec: EnvSpec, size: int, hidden: int) -> None:
        super().__init__()
        self.action = embedding_of(spec.actions, 32)
        self.net = nn.Sequential(
            nn.Linear(size + 32, hidden), nn.ReLU(), nn.Linear(hidden, size)
        )

    def error(
        self, embedded: Float32[Tensor, "R B D"], action: Shaped[Tensor, "T B ..."]
    ) -> Float32[Tensor, "T B"]:
        """`½ ‖φ̂(o_{t+1}) - φ(o_{t+1})‖²` of every transition."""
        guess = self.net(torch.cat([embedded[:-1], self.action(action)], -1))
        error: Tensor = (guess - embedded[1:]).square().sum(-1) / 2
        return error
