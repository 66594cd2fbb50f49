"""Normalisation of intrinsic rewards: running mean and std, scaling, prioritising."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn


class RunningMoments(nn.Module):
    """Running mean and variance of all rows, by Chan's parallel update, in float64.

    Args:
        shape: of one row; statistics are kept per entry.
    """

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))
        self.mean: Tensor
        self.squares: Tensor  # sum of squared deviations
        self.count: Tensor

    @torch.no_grad()
    def update(self, rows: Float[Tensor, "N *shape"]) -> None:
        """Add N rows; none at all changes nothing."""
        if len(rows) == 0:
            return
        rows = rows.double()
        mean = rows.mean(0)
        total = self.count + len(rows)
        delta = mean - self.mean
        self.squares += ((rows - mean) ** 2).sum(0)
        self.squares += delta**2 * self.count * len(rows) / total
        self.mean += delta * len(rows) / total
        self.count.copy_(total)

    @property
    def std(self) -> Float32[Tensor, "*shape"]:
        """Population standard deviation; 1 before anything was seen."""
        variance = self.squares / self.count.clamp(min=1.0)
        unit = torch.ones_like(variance)
        return torch.where(self.count > 0, variance.sqrt(), unit).float()


class RewardScale(nn.Module, ABC):
    """Brings raw intrinsic rewards to a common scale; updates itself as it does."""

    @abstractmethod
    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Scale rewards; statistics are taken over valid transitions first."""


class EmaStdScale(RewardScale):
    """Divide by the std from debiased EMAs of mean and square (arXiv 2206.08332).

    Args:
        decay: per rollout.
    """

    def __init__(self, decay: float = 0.99, epsilon: float = 1e-8) -> None:
        super().__init__()
        self.moments = EmaMoments(decay)
        self.epsilon = epsilon

    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """`r / σ`."""
        self.moments.update(raw, valid)
        return raw / (self.moments.std + self.epsilon)


class ReturnStdScale(RewardScale):
    """Reward normaliser: divide by the std of the discounted return.

    RND's reward forward filter (arXiv 1810.12894), as Gymnasium's NormalizeReward.

    The return runs forward along time, `R_t = γ R_{t-1} + r_t`, separately in each env
    and across episode ends; joining transitions leave it as it is. Rewards are divided,
    never centred, and never replaced by the return itself.

    Args:
        num_envs: B.
    """

    def __init__(self, num_envs: int, discount: float = 0.99) -> None:
        super().__init__()
        self.discount = discount
        self.moments = RunningMoments()
        self.register_buffer("running", torch.zeros(num_envs))
        self.running: Tensor

    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """`r / std(R)` with the statistics of all returns so far."""
        returns = []
        for reward, counts in zip(raw, valid, strict=True):
            following = self.discount * self.running + reward
            self.running = torch.where(counts, following, self.running)
            returns.append(self.running)
        self.moments.update(torch.stack(returns)[valid])
        return raw / (self.moments.std + 1e-8)


class Unscaled(RewardScale):
    """No normalisation: leave rewards as they are."""

    def forward(
        self, raw: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Return the rewards unchanged."""
        return raw


class EmaMoments(nn.Module):
    """Debiased exponential averages of the mean and the square of batches."""

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        for name in ("first", "second", "weight"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        self.first: Tensor
        self.second: Tensor
        self.weight: Tensor  # 1 - decay^n, what the averages are divided by

    @torch.no_grad()
    def update(
        self, values: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Add one batch; a batch without valid values changes nothing."""
        weight = valid.double()
        count = weight.sum()
        rate = (1 - self.decay) * (count > 0)
        values = values.double() * weight
        self.first.lerp_(values.sum() / count.clamp(min=1), rate)
        self.second.lerp_((values**2).sum() / count.clamp(min=1), rate)
        self.weight.lerp_(torch.ones_like(self.weight), rate)

    @property
    def mean(self) -> Float32[Tensor, ""]:
        """Debiased mean; 0 before anything was seen."""
        return (self.first / self.weight.clamp(min=1e-12)).float()

    @property
    def std(self) -> Float32[Tensor, ""]:
        """Debiased standard deviation; 0 before anything was seen."""
        weight = self.weight.clamp(min=1e-12)
        variance = self.second / weight - (self.first / weight) ** 2
        return variance.clamp(min=0.0).sqrt().float()


class Prioritizer(nn.Module, ABC):
    """Reward prioritisation: which scaled rewards are paid at all."""

    @abstractmethod
    def forward(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Reward that is paid."""


class AboveMean(Prioritizer):
    """`max(r - μ, 0)` with μ a debiased EMA mean: only above-average surprise pays.

    BYOL-Explore's reward prioritisation (arXiv 2206.08332).

    Args:
        decay: per rollout.
    """

    def __init__(self, decay: float = 0.99) -> None:
        super().__init__()
        self.moments = EmaMoments(decay)

    def forward(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Clip below the running mean, which becomes the new zero."""
        self.moments.update(reward, valid)
        return (reward - self.moments.mean).clamp(min=0.0)


class PayAll(Prioritizer):
    """No prioritisation: pay every reward as it is."""

    def forward(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Return the rewards unchanged."""
        return reward
