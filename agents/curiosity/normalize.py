"""Normalisation of rewards: running mean and std, scaling, prioritising.

With several processes all of it is done on the rewards of all of them, in each: they
are a number per transition. So statistics are the same everywhere.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from agents.curiosity.moments import EmaMoments, Moments
from ssl_objectives.distributed import gathered_rows, num_processes, own_rows

_TINY = torch.finfo(torch.float32).tiny  # so that 0 divided by no scale is 0


class RewardTransform(nn.Module, ABC):
    """Turns rewards into others by what those of all processes are like.

    Follows them first, then turns them. Who is paid step by step follows whole blocks
    of steps, and turns each step by the block before (`agents/beside/held.py`).
    """

    def forward(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Of this process's transitions; statistics are taken over valid ones first."""
        if num_processes() == 1:
            return self.of_all(reward, valid)
        both = gathered_rows(torch.stack([reward, valid.to(reward.dtype)]), 2)
        return own_rows(self.of_all(both[0], both[1] > 0), 1)

    def of_all(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """The same, of the transitions of all processes."""
        self.follow(reward, valid)
        return self.turned(reward, valid)

    @abstractmethod
    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Take statistics of the valid rewards of a rollout."""

    @abstractmethod
    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Others, by what was followed last; 0 stays 0 where nothing ever was."""


class RewardScale(RewardTransform):
    """Brings raw rewards to a common scale; updates itself as it does."""


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
        self.register_buffer("divisor", torch.zeros(()))
        self.divisor: Tensor

    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Update σ, and take s."""
        self.moments.update(reward, valid)
        own = Moments.of(reward, valid).std.float()
        scale = torch.minimum(self.moments.std, own)
        self.divisor = scale.maximum(1e-3 * self.moments.rms)

    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Scaled rewards; 0 stays 0, also where nothing else was ever seen."""
        return reward / _or_by_itself(self.divisor, reward, valid)


class EmaRmsScale(RewardScale):
    """`clip(r / ρ, ±c)`: ρ the debiased EMA of the rewards' root mean square.

    For rewards with a sign: it stays what it is, and so does 0, since nothing is
    subtracted.

    Args:
        decay: of the EMA, per rollout.
        clip: c.
    """

    def __init__(self, decay: float = 0.98, clip: float = 5.0) -> None:
        super().__init__()
        self.moments = EmaMoments(decay)
        self.clip = clip

    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Update ρ."""
        rms = Moments.of(reward, valid).rms.view(1, 1)
        self.moments.update(rms, valid.any().view(1, 1))

    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Scaled rewards; 0 stays 0, also where nothing else was ever seen."""
        return (reward / self.moments.mean.clamp(min=_TINY)).clamp(
            -self.clip, self.clip
        )


class ReturnStdScale(RewardScale):
    """Reward normaliser: divide by a running std of the discounted return.

    RND's reward forward filter (arXiv 1810.12894), as Gymnasium's NormalizeReward. The
    return runs forward along time, `R_t = γ R_{t-1} + r_t`, separately in each env and
    across episode ends; joining transitions leave it as it is. Rewards are divided,
    never centred, and never replaced by the return itself.

    Deviation: mean and square of returns, of which σ is made, are debiased EMAs over
    rollouts; the paper's count all of the past alike. After a fall of the rewards by a
    factor f, the scale has followed in about `2 ln(f rms(R) / σ) / (1 - decay)`
    rollouts: changes of the mean return count as spread until they are forgotten.

    The divisor is `max(σ, max|r| / 10, rms(R) / 100)`, with max|r| of this rollout. So
    nothing is ever paid above 10, be it the first reward of a run or of a long time;
    and where all rewards are alike and returns have no spread, what is paid has a
    return of 100.

    Args:
        num_envs: B, of this process.
        discount: γ per env step, at least 0 and below 1.
        decay: of the EMA, per rollout, at least 0 and below 1.

    Raises:
        ValueError: another discount or decay.
    """

    def __init__(self, num_envs: int, discount: float, decay: float = 0.95) -> None:
        super().__init__()
        if not 0.0 <= discount < 1.0:
            raise ValueError(
                "rewards are scaled by their discounted return, so discount must be at "
                f"least 0 and below 1, not {discount}"
            )
        self.discount = discount
        self.moments = EmaMoments(decay)
        self.register_buffer("running", torch.zeros(num_processes() * num_envs))
        self.running: Tensor  # of all processes
        self.register_buffer("divisor", torch.zeros(()))
        self.divisor: Tensor

    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Run the return forward, and update σ."""
        kept = reward.masked_fill(~valid, 0.0)
        factor = torch.where(valid, self.discount, 1.0)
        running, returns = self.running, []
        for paid, decay in zip(kept, factor, strict=True):
            running = torch.addcmul(paid, decay, running)
            returns.append(running)
        self.running = running
        self.moments.update(torch.stack(returns), valid)
        least = torch.maximum(kept.abs().max() / 10, self.moments.rms / 100)
        self.divisor = self.moments.std.maximum(least)

    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """`r / max(σ, max|r| / 10, rms(R) / 100)`; 0 where it is 0, and at joins."""
        divisor = _or_by_itself(self.divisor, reward, valid)
        return reward.masked_fill(~valid, 0.0) / divisor


class Unscaled(RewardScale):
    """No normalisation: leave rewards as they are."""

    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Nothing to follow."""

    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Return the rewards unchanged."""
        return reward


class Prioritizer(RewardTransform):
    """Reward prioritisation: which scaled rewards are paid at all."""


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
        self.register_buffer("zero", torch.zeros(()))
        self.zero: Tensor

    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Update μ, and take m."""
        self.moments.update(reward, valid)
        own = Moments.of(reward, valid).mean.float()
        self.zero = torch.minimum(self.moments.mean, own)

    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """What exceeds the smaller mean, which becomes the new zero."""
        return (reward - self.zero).clamp(min=0.0)


class PayAll(Prioritizer):
    """No prioritisation: pay every reward as it is."""

    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Nothing to follow."""

    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """Return the rewards unchanged."""
        return reward


def _or_by_itself(
    divisor: Float32[Tensor, ""],
    reward: Float32[Tensor, "T B"],
    valid: Bool[Tensor, "T B"],
) -> Float32[Tensor, ""]:
    """The divisor; while nothing but 0 was ever followed, one that pays 10 at most.

    Steps are turned before they are followed (`agents/beside/held.py`), so that the
    first reward of all may come where no scale is known.
    """
    alone = reward.masked_fill(~valid, 0.0).abs().max() / 10
    return torch.where(divisor == 0.0, alone, divisor).clamp(min=_TINY)
