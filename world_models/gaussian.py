"""A predictor that says how sure it is: the RSSM's prior, held near a posterior."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from ssl_objectives.parts.step_counter import StepCounter
from world_models.belief import BeliefModel
from world_models.predictor import Ahead, Prediction, Predictor


@final
class GaussianHead(Predictor):
    """A normal prior over the latent ahead, and a posterior that has seen it.

    `p(s | b_{t,k})` and `q(s | b_{t,k}, ω_{t+k})` with diagonal variances. Predicted is
    a sample of the prior (its mean in evaluation mode, and where the model imagines),
    and the term `kl`, `max(KL(p ‖ q), free nats)`, is minimised: the reconstructing
    control of arXiv 2211.10831, which decodes the prior's sample and has the divergence
    in this direction. Deviations: the belief is the GRU's alone, no sample is fed back
    into it; what the posterior has seen carries no gradient to the encoder; the weight
    is for a reconstruction error that is a mean over pixels.

    Args:
        belief_size, latent_size, aim_size: S, numbers in a prediction, and P.
        hidden: units of the hidden layer of both.
        free_nats: below which the divergence costs nothing more.
        weight: of the term.
    """

    def __init__(
        self,
        belief_size: int,
        latent_size: int,
        aim_size: int,
        hidden: int = 128,
        free_nats: float = 3.0,
        weight: float = 0.01,
    ) -> None:
        super().__init__()
        self.prior = _gaussian(belief_size, hidden, latent_size)
        self.posterior = _gaussian(belief_size + aim_size, hidden, latent_size)
        self.free_nats, self.weight = free_nats, weight
        self.counter = StepCounter()

    def forward(self, ahead: Ahead) -> Prediction:
        """Draws follow from the number of gradient steps."""
        mean, std = _moments(self.prior(ahead.after))
        if ahead.aim is None:
            return Prediction(mean)
        latent = mean
        if self.training:
            generator = self.counter.generator(mean.device)
            latent = mean + std * torch.randn(
                mean.shape, generator=generator, device=mean.device
            )
        seen = torch.cat([ahead.after, ahead.aim.detach()], -1)
        divergence = _divergence(mean, std, *_moments(self.posterior(seen)))
        return Prediction(
            latent,
            {"kl": divergence.clamp(min=self.free_nats)},
            {"kl": self.weight},
        )

    def follow(self) -> None:
        """The next step draws other numbers."""
        self.counter.advance()


def _gaussian(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, 2 * outputs)
    )


def _moments(
    made: Float32[Tensor, "*batch Q"],
) -> tuple[Float32[Tensor, "*batch P"], Float32[Tensor, "*batch P"]]:
    """Mean, and a standard deviation that is never 0: halves of Q numbers."""
    mean, raw = made.chunk(2, -1)
    return mean, nn.functional.softplus(raw) + 0.1


def _divergence(
    mean: Float32[Tensor, "*batch P"],
    std: Float32[Tensor, "*batch P"],
    other_mean: Float32[Tensor, "*batch P"],
    other_std: Float32[Tensor, "*batch P"],
) -> Float32[Tensor, "*batch"]:
    """`KL(N(m, s²) ‖ N(m', s'²))`, summed over numbers."""
    ratio = (std / other_std).square()
    away = ((mean - other_mean) / other_std).square()
    each = 0.5 * (ratio + away - 1 - ratio.log())
    return each.sum(-1)


@dataclass(frozen=True)
class GaussianHeadConfig:
    """A normal distribution of the latent ahead, held near one that has seen it."""

    hidden: int = 128
    """units of the hidden layers"""
    free_nats: float = 3.0
    """divergence that costs nothing"""
    weight: float = 0.01
    """of the divergence, which is a sum, beside an error that is a mean"""

    def build(
        self, belief: BeliefModel, latent_size: int, aim_size: int
    ) -> GaussianHead:
        """Build it."""
        return GaussianHead(
            belief.size,
            latent_size,
            aim_size,
            self.hidden,
            self.free_nats,
            self.weight,
        )
