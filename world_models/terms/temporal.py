"""Temporal variance and smoothness of latents within an episode."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from world_models.belief import BeliefModel
from world_models.terms.term import Added, Term, Unrolled


@final
class TemporalVariance(Term):
    """`c_v · E relu(m - std_d)` along each episode, and `c_s · E ‖ω_{t+1} - ω_t‖²`.

    The first asks every component to move within an episode, so that a latent cannot
    live on what is constant there; the second asks it to move slowly (arXiv
    2211.10831 discusses both). An episode counts from 2 rows on; the std is that of
    its rows in the window, over n.
    """

    def __init__(
        self, variance: float = 25.0, margin: float = 0.5, smoothness: float = 0.0
    ) -> None:
        super().__init__()
        self.variance, self.margin, self.smoothness = variance, margin, smoothness

    def forward(self, unrolled: Unrolled) -> Added:
        """Over the rows that have latents."""
        latent = unrolled.latent
        if latent is None:
            return Added()
        valid = unrolled.valid[: len(latent) - 1]
        std, counts = _std_of_episodes(latent, valid)
        lack = (self.margin - std).clamp(min=0.0).mean(-1)
        still = (lack * counts).sum() / counts.sum().clamp(min=1.0)
        moved = (latent[1:] - latent[:-1]).square().mean(-1)
        speed = (moved * valid).sum() / valid.sum().clamp(min=1)
        total = self.variance * still + self.smoothness * speed
        metrics = {"temporal_lack": still.detach(), "speed": speed.detach()}
        return Added(total, metrics=metrics)


def _std_of_episodes(
    latent: Float32[Tensor, "R B D"], valid: Bool[Tensor, "R-1 B"]
) -> tuple[Float32[Tensor, "E D"], Float32[Tensor, "E"]]:
    """The std of every component in every episode, and whether the episode counts."""
    rows, envs, size = latent.shape
    begins = torch.cat([torch.zeros_like(valid[:1]), ~valid])
    episode: Int64[Tensor, "R B"] = begins.cumsum(0)
    episode = episode * envs + torch.arange(envs, device=latent.device)
    index, flat = episode.flatten(), latent.flatten(0, 1)
    count = torch.zeros(rows * envs, device=latent.device)
    count = count.index_add(0, index, torch.ones_like(flat[:, 0]))
    least = count.clamp(min=1.0).unsqueeze(-1)
    zeros = flat.new_zeros(rows * envs, size)
    mean = zeros.index_add(0, index, flat) / least
    apart = (flat - mean[index]).square()
    variance = zeros.index_add(0, index, apart) / least
    # the slope of a root is infinite at 0, where a latent that has collapsed begins
    return (variance + 1e-6).sqrt(), (count > 1).float()


@dataclass(frozen=True)
class TemporalConfig:
    """Ask latents to move within an episode, and to move slowly."""

    variance: float = 25.0
    """weight of what a component's std lacks of the margin"""
    margin: float = 0.5
    """std that every component should have along an episode"""
    smoothness: float = 0.0
    """weight of the squared step between neighbouring latents"""

    def build(self, belief: BeliefModel, latent_size: int) -> TemporalVariance:
        """Build the term."""
        return TemporalVariance(self.variance, self.margin, self.smoothness)
