"""Mean and standard deviation of the valid numbers of a batch, and their averages."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor, nn


class Moments(NamedTuple):
    """Mean, root mean square and standard deviation of a batch of numbers."""

    mean: Float64[Tensor, ""]
    rms: Float64[Tensor, ""]
    std: Float64[Tensor, ""]

    @staticmethod
    def of(values: Float[Tensor, "T B"], valid: Bool[Tensor, "T B"]) -> "Moments":
        """Those of the valid values; all 0 if there are none."""
        weight = valid.double()
        count = weight.sum().clamp(min=1.0)
        kept = values.double().masked_fill(~valid, 0.0)
        mean = kept.sum() / count
        rms = (kept.square().sum() / count).sqrt()
        std = (((kept - mean) * weight).square().sum() / count).sqrt()
        return Moments(mean, rms, std)


class EmaMoments(nn.Module):
    """Debiased exponential averages of the mean and the square of batches.

    Args:
        decay: per batch, at least 0 and below 1.

    Raises:
        ValueError: another decay.
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        if not 0.0 <= decay < 1.0:
            raise ValueError(f"decay must be at least 0 and below 1, not {decay}")
        self.decay = decay
        for name in ("first", "second", "weight"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        self.first: Tensor
        self.second: Tensor
        self.weight: Tensor  # 1 - decay^n, what the averages are divided by

    @torch.no_grad()
    def update(self, values: Float[Tensor, "T B"], valid: Bool[Tensor, "T B"]) -> None:
        """Add one batch; a batch without valid values changes nothing."""
        own = Moments.of(values, valid)
        rate = (1 - self.decay) * valid.any().double()
        self.first.lerp_(own.mean, rate)
        self.second.lerp_(own.rms**2, rate)
        self.weight.lerp_(torch.ones_like(self.weight), rate)

    @property
    def mean(self) -> Float32[Tensor, ""]:
        """Debiased mean; 0 before anything was seen."""
        return (self.first / self.weight.clamp(min=1e-12)).float()

    @property
    def rms(self) -> Float32[Tensor, ""]:
        """Debiased root mean square; 0 before anything was seen."""
        return (self.second / self.weight.clamp(min=1e-12)).sqrt().float()

    @property
    def std(self) -> Float32[Tensor, ""]:
        """Debiased standard deviation; 0 before anything was seen."""
        weight = self.weight.clamp(min=1e-12)
        variance = self.second / weight - (self.first / weight) ** 2
        return variance.clamp(min=0.0).sqrt().float()
