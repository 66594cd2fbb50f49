"""Normalisation of rewards: running mean and std, scaling, prioritising."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor, nn

_TINY = torch.finfo(torch.float32).tiny


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


class RewardScale(nn.Module, ABC):
    """Brings raw rewards to a common scale; updates itself as it does."""

    @abstractmethod
    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Scale rewards; statistics are taken over valid transitions first."""


class EmaStdScale(RewardScale):
    """`r / min(σ, s)`: σ from debiased EMAs of mean and square, s this rollout's std.

    Deviation from BYOL-Explore (arXiv 2206.08332), which divides by σ alone: losses of
    an untrained model are a hundred times larger than those it soon makes, and σ would
    remember them for most of a short run. So scale falls at once, and rises as slowly
    as the EMA does.

    In the long run the smaller of the two lies below σ, by `d e / √(π (1 + d))` with d
    the decay and e the standard error of s: by at most 0.4 e, 0.6 % of the scale with
    1,000 independent normal rewards per rollout.

    The divisor is at least a thousandth of the EMA's root mean square, so that rewards
    that are all alike are not divided by nothing.

    Args:
        decay: of the EMA, per rollout.
    """

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__()
        self.moments = EmaMoments(decay)

    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Scaled rewards; 0 stays 0, also where nothing else was ever seen."""
        self.moments.update(raw, valid)
        own = Moments.of(raw, valid).std.float()
        scale = torch.minimum(self.moments.std, own)
        return raw / scale.maximum(1e-3 * self.moments.rms).clamp(min=_TINY)


class ReturnStdScale(RewardScale):
    """Reward normaliser: divide by a running std of the discounted return.

    RND's reward forward filter (arXiv 1810.12894), as Gymnasium's NormalizeReward. The
    return runs forward along time, `R_t = γ R_{t-1} + r_t`, separately in each env and
    across episode ends; joining transitions leave it as it is. Rewards are divided,
    never centred, and never replaced by the return itself.

    Deviation: mean and square of returns are debiased EMAs over rollouts, where the
    paper's count all of the past alike. After a fall of the rewards by a factor f, the
    scale has followed in about `2 ln f / (1 - decay)` rollouts.

    The divisor is `max(σ, max|r| / 10, rms(R) / 100)`, with max|r| of this rollout. So
    nothing is ever paid above 10, be it the first reward of a run or of a long time;
    and where all rewards are alike and returns have no spread, what is paid has a
    return of 100.

    Args:
        num_envs: B.
        discount: γ per env step, at least 0 and below 1.
        decay: of the EMA, per rollout, at least 0 and below 1.

    Raises:
        ValueError: another discount or decay.
    """

    def __init__(self, num_envs: int, discount: float, decay: float = 0.97) -> None:
        super().__init__()
        if not 0.0 <= discount < 1.0:
            raise ValueError(
                "rewards are scaled by their discounted return, so discount must be at "
                f"least 0 and below 1, not {discount}"
            )
        self.discount = discount
        self.moments = EmaMoments(decay)
        self.register_buffer("running", torch.zeros(num_envs))
        self.running: Tensor

    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """`r / max(σ, max|r| / 10, rms(R) / 100)`; 0 stays 0."""
        returns = []
        for reward, counts in zip(raw, valid, strict=True):
            following = self.discount * self.running + reward
            self.running = torch.where(counts, following, self.running)
            returns.append(self.running)
        self.moments.update(torch.stack(returns), valid)
        largest = raw.masked_fill(~valid, 0.0).abs().max()
        least = torch.maximum(largest / 10, self.moments.rms / 100)
        return raw / self.moments.std.maximum(least).clamp(min=_TINY)


class Unscaled(RewardScale):
    """No normalisation: leave rewards as they are."""

    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Return the rewards unchanged."""
        return raw


class Prioritizer(nn.Module, ABC):
    """Reward prioritisation: which scaled rewards are paid at all."""

    @abstractmethod
    def forward(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Reward that is paid."""


class AboveMean(Prioritizer):
    """`max(r - min(μ, m), 0)`: μ a debiased EMA mean, m the mean of this rollout.

    BYOL-Explore's reward prioritisation (arXiv 2206.08332): only surprise above the
    average pays. Deviation: the paper subtracts μ alone, which the first, large losses
    hold up so long that a short run pays nothing at all. Here every rollout pays
    something, unless all its rewards are alike.

    In the long run the smaller of the two lies below μ, by `d e / √(π (1 + d))` with d
    the decay and e the standard error of m: by at most 0.4 e.

    Args:
        decay: of the EMA, per rollout.
    """

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__()
        self.moments = EmaMoments(decay)

    def forward(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """What exceeds the smaller mean, which becomes the new zero."""
        self.moments.update(reward, valid)
        own = Moments.of(reward, valid).mean.float()
        return (reward - torch.minimum(self.moments.mean, own)).clamp(min=0.0)


class PayAll(Prioritizer):
    """No prioritisation: pay every reward as it is."""

    def forward(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Return the rewards unchanged."""
        return reward
