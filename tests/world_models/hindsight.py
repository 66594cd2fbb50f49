"""A world model in hindsight, in small (Curiosity in Hindsight, arXiv 2211.10515).

What came is told by what could be known, `b` and `a`, and by a code `z` of the rest.
The code may know what came; an adversary sees to it that it tells nothing of the known.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from ssl_objectives.methods.bootstrap.byol import Byol
from world_models.adversary import Adversary
from world_models.belief import BeliefModel
from world_models.latent_dynamics import LatentDynamics
from world_models.open_loop import GruLoop
from world_models.predictor import Ahead, Prediction, Predictor

HIDDEN = 12


def layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)
    )


class Separable(nn.Module):
    """Scores `f(b, a) · g(z)` of every pair of rows at the same step."""

    def __init__(self, known_size: int, code_size: int) -> None:
        super().__init__()
        self.of_known, self.of_code = layers(known_size, 6), layers(code_size, 6)

    def bound(
        self,
        known: Float32[Tensor, "*step B Q"],
        code: Float32[Tensor, "*step B Z"],
        valid: Bool[Tensor, "*step B"],
    ) -> Float32[Tensor, "*step B"]:
        """`log q(z | b, a) - log mean_b' q(z | b', a')` over valid b', in nats."""
        scores = self.of_known(known) @ self.of_code(code).transpose(-1, -2)
        own = scores.diagonal(dim1=-2, dim2=-1)
        others = scores.masked_fill(~valid.unsqueeze(-1), -1e9).logsumexp(-2)
        count = valid.sum(-1, keepdim=True).clamp(min=1)
        bound: Tensor = own - others + count.log()
        return bound.masked_fill(~valid, 0.0)


class Hindsight(Predictor):
    """Generator of codes, reconstructor of what came, and the critic between them."""

    def __init__(
        self, belief_size: int, action_size: int, latent_size: int, noise: float
    ) -> None:
        known, code_size = belief_size + action_size, 5
        super().__init__(Adversary(Separable(known, code_size), steps=2))
        self.code_size, self.noise = code_size, noise
        self.generator = layers(known + latent_size + self.code_size, self.code_size)
        self.reconstructor = layers(belief_size + self.code_size, latent_size)
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.count: Tensor

    @property
    def critic(self) -> Separable:
        assert self.adversary is not None
        assert isinstance(self.adversary.critic, Separable)
        return self.adversary.critic

    def forward(self, ahead: Ahead) -> Prediction:
        code = ahead.after.new_zeros(*ahead.after.shape[:-1], self.code_size)
        known = torch.cat([ahead.before, ahead.action], -1)
        if ahead.aim is not None:
            drawn = torch.Generator().manual_seed(int(self.count))
            noise = self.noise * torch.randn(code.shape, generator=drawn)
            code = self.generator(torch.cat([known, ahead.aim, noise], -1))
        latent = self.reconstructor(torch.cat([ahead.after, code], -1))
        if ahead.valid is None:
            return Prediction(latent)
        critic, valid = self.critic, ahead.valid
        constants = known.detach(), code.detach(), valid
        share = valid.float() / valid.sum().clamp(min=1)
        return Prediction(
            latent,
            {"invariance": critic.bound(known, code, valid)},
            {"invariance": 1.0},
            lambda: -(critic.bound(*constants) * share).sum(),
        )

    def follow(self) -> None:
        self.count += 1


@dataclass(frozen=True)
class HindsightConfig:
    """A world model that predicts with a code of what could not be known."""

    horizon: int = 3
    noise: float = 1.0

    def build(self, belief: BeliefModel) -> LatentDynamics:
        action_size, latent_size = belief.embedding.size, belief.encoder.size
        return LatentDynamics(
            belief,
            GruLoop(belief.size, action_size),
            Hindsight(belief.size, action_size, latent_size, self.noise),
            Byol(),
            self.horizon,
        )
