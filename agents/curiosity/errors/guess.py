"""What error is to be expected, by a belief and an action."""

from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn

from agents.curiosity.signal import Surroundings
from world_models.actions import embedding_of


@final
class ErrorGuess(nn.Module):
    """One number for each `b_t, a_t`, by an MLP with one hidden layer.

    Args:
        surroundings: tell S, and the actions.
        hidden: units.
    """

    def __init__(self, surroundings: Surroundings, hidden: int) -> None:
        super().__init__()
        self.action = embedding_of(surroundings.spec.actions, 32)
        self.net = nn.Sequential(
            nn.Linear(surroundings.belief_size + 32, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def forward(
        self, belief: Float32[Tensor, "*batch S"], action: Shaped[Tensor, "..."]
    ) -> Float32[Tensor, "*batch"]:
        """Guess errors; gradient reaches the guesser alone if beliefs have none."""
        guess: Tensor = self.net(torch.cat([belief, self.action(action)], -1))
        return guess.squeeze(-1)


def believed(belief: Float32[Tensor, "T B S"] | None) -> Float32[Tensor, "T B S"]:
    """The beliefs that there must be.

    Raises:
        ValueError: nobody told them.
    """
    if belief is None:
        raise ValueError(
            "this signal expects errors by the world model's beliefs, and there are "
            "none: add --model byol-explore, and act by PPO"
        )
    return belief
