"""Temporal cycle consistency between demonstrations, as XIRL learns (2106.03911)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Generator, Tensor

from agents.rewards.temporal.temporal_loss import Embed, TemporalLoss, below
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class CycleConsistency(TemporalLoss):
    """`E (i - Σ_k β_k k)²`: to another demonstration and back is where one was.

    Of frame i of one demonstration the soft nearest neighbour in another is
    `ṽ = Σ_j softmax_j(-‖u_i - v_j‖² / τ) v_j`, and β its softmax over the frames of the
    first (temporal cycle consistency, arXiv 1904.07846; XIRL, 2106.03911). Of each, so
    many frames are drawn, in order; i and k count from 0 to 1.

    XIRL's form without the variance of β, which the first authors divide by.
    """

    frames: int = 16
    """drawn from each of both demonstrations"""
    temperature: float = 1.0
    """τ, of squared distances per number of the embedding"""

    def __post_init__(self) -> None:
        if self.frames < 2 or not self.temperature > 0.0:
            raise ConfigError(
                "frames must be at least 2 and temperature above 0, not "
                f"{self.frames} and {self.temperature}."
            )

    def check(self, lengths: Sequence[int]) -> None:
        """There must be another one to go to.

        Raises:
            ConfigError: there is a single demonstration, or one is too short.
        """
        if len(lengths) < 2:
            raise ConfigError(
                "Cycles go from one demonstration to another, and there is one. Give "
                "two or more, or take another method."
            )
        if min(lengths) < self.frames:
            raise ConfigError(
                f"{self.frames} frames are drawn from each demonstration, and one has "
                f"{min(lengths)}. Draw fewer, or leave it out."
            )

    def __call__(
        self,
        embed: Embed,
        lengths: Int64[Tensor, "n"],
        batch: int,
        generator: Generator,
    ) -> Float[Tensor, ""]:
        """The mean over so many pairs of demonstrations, and all frames drawn."""
        pairs = max(1, batch // (2 * self.frames))
        number = len(lengths)
        one = below(lengths.new_full((pairs,), number), generator)
        other = below(lengths.new_full((pairs,), number - 1), generator)
        other = other + (other >= one)
        u, v = (
            embed(
                x[:, None].expand(-1, self.frames), self._times(lengths[x], generator)
            )
            for x in (one, other)
        )
        return self.cycled(u, v)

    def cycled(
        self, u: Float[Tensor, "num k E"], v: Float[Tensor, "num k E"]
    ) -> Float[Tensor, ""]:
        """Of embedded frames of pairs of demonstrations, in order."""
        there = self._weights(u, v) @ v
        back = self._weights(there, u)
        place = torch.linspace(0.0, 1.0, u.shape[1], device=u.device)
        return (back @ place - place).square().mean()

    def _weights(
        self, x: Float[Tensor, "num k E"], y: Float[Tensor, "num k E"]
    ) -> Float[Tensor, "num k k"]:
        apart = (x[:, :, None] - y[:, None]).square().mean(-1)
        return torch.softmax(-apart / self.temperature, -1)

    def _times(
        self, length: Int64[Tensor, "num"], generator: Generator
    ) -> Int64[Tensor, "num k"]:
        """One frame of each of as many equal parts of a demonstration."""
        part = torch.arange(self.frames)
        first = part * length[:, None] // self.frames
        end = (part + 1) * length[:, None] // self.frames
        return first + below(end - first, generator)
