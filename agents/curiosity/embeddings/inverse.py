"""An embedding that keeps what actions change: inverse dynamics."""

from typing import final

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from agents.curiosity.sight import Eyes, encoder_of, sight_of
from envs.vector_env import DiscreteActions, EnvSpec


@final
class InverseEmbedding(nn.Module):
    """`φ(o)`, trained to tell from `φ(o_t)` and `φ(o_{t+1})` the action between.

    So φ keeps what the agent's actions change, and need not keep the rest (ICM, arXiv
    1705.05363). Cross-entropy for discrete actions, squared error for continuous ones,
    which lie in [-1, 1].

    Args:
        spec: of the worlds.
        encoder: of the newest frame, or of the vector; `sight` is what it reads.
        hidden: units of the head that guesses the action.
    """

    def __init__(self, spec: EnvSpec, encoder: Eyes, hidden: int) -> None:
        super().__init__()
        self.sight = sight_of(encoder, spec)
        self.encoder = encoder_of(encoder, spec)
        self.size = self.encoder.size
        self.discrete = isinstance(spec.actions, DiscreteActions)
        outputs = (
            spec.actions.n
            if isinstance(spec.actions, DiscreteActions)
            else len(spec.actions.low)
        )
        self.head = nn.Sequential(
            nn.Linear(2 * self.size, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, rows: Shaped[Tensor, "R B ..."]) -> Float32[Tensor, "R B D"]:
        """Embed what `sight` reads."""
        embedded: Tensor = self.encoder(rows)
        return embedded

    def error(
        self, embedded: Float32[Tensor, "R B D"], action: Shaped[Tensor, "T B ..."]
    ) -> Float32[Tensor, "T B"]:
        """How badly each action is told; gradient reaches all of it."""
        guess = self.head(torch.cat([embedded[:-1], embedded[1:]], -1))
        if self.discrete:
            each = cross_entropy(
                guess.flatten(0, 1), action.flatten(0, 1), reduction="none"
            )
            return each.view(action.shape)
        return mse_loss(guess, action.clamp(-1.0, 1.0), reduction="none").mean(-1)
