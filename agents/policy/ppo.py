"""Proximal policy optimisation (PPO, arXiv 1707.06347) over several reward streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float32, Shaped
from torch import Tensor

from agents.at_least import check_least
from agents.policy.actor_critic import ActionDistribution
from agents.policy.advantages import (
    continuing_advantage,
    continuing_returns,
    episodic_advantage,
)
from ssl_objectives.distributed import gathered_rows


@dataclass(frozen=True)
class RewardStream:
    """A reward with its own value head, discount, reward clipping and weight."""

    weight: float
    """of this stream's advantage in the mix; 0 switches the stream off"""
    discount: float
    """γ per env step"""
    trace: float = 0.95
    """λ of the generalised advantage estimate"""
    episodic: bool = True
    """whether the return ends with the episode"""
    clip: float | None = None
    """clip each reward to ± this before learning; scores are never clipped"""
    normalize: bool = False
    """divide rewards by the running std of their discounted return, before clip"""

    def __post_init__(self) -> None:
        for name in ("discount", "trace"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, not {value}")
        if self.clip is not None and not self.clip > 0.0:
            raise ValueError(f"clip must be above 0, not {self.clip}")
        if self.normalize and self.discount == 1.0:
            raise ValueError(
                "normalize needs a discount below 1: without one, returns grow for ever"
            )

    def clipped(self, reward: Float32[Tensor, "T B"]) -> Float32[Tensor, "T B"]:
        """Rewards within ± `clip`, where there is one."""
        return reward if self.clip is None else reward.clamp(-self.clip, self.clip)

    def advantage(
        self,
        reward: Float32[Tensor, "T B"],
        value: Float32[Tensor, "T+1 B"],
        terminated: Bool[Tensor, "T B"],
        truncated: Bool[Tensor, "T B"],
        first: Bool[Tensor, "T+1 B"],
    ) -> Float32[Tensor, "T B"]:
        """Advantage of this stream, in its own units: of its reward, clipped."""
        reward = self.clipped(reward)
        if not self.episodic:
            return continuing_advantage(reward, value, first, self.discount, self.trace)
        return episodic_advantage(
            reward, value, terminated, truncated, first, self.discount, self.trace
        )


@dataclass(frozen=True)
class PpoConfig:
    """Proximal policy optimisation."""

    num_steps: int = 128
    """T, env steps per env and rollout"""
    num_epochs: int = 4
    """passes over each rollout"""
    num_minibatches: int = 4
    """minibatches per pass; each holds all steps of some of the envs"""
    learning_rate: float = 2.5e-4
    """of Adam, for everything that is trained"""
    clip: float = 0.1
    """ε: how far the policy's probability ratio may pay off"""
    entropy_coeff: float = 0.01
    """weight of the policy's entropy"""
    value_coeff: float = 0.5
    """weight of the squared value error, summed over streams"""
    max_grad_norm: float = 0.5
    """gradients are scaled down to this norm"""
    least_advantage_std: float = 0.03
    """divide advantages by their std, but by no less than this times Σ_v |w_v|"""

    def __post_init__(self) -> None:
        check_least(self, 1, "num_steps", "num_epochs", "num_minibatches")
        check_least(self, 0, "learning_rate", "clip", "max_grad_norm")
        check_least(self, 0, "least_advantage_std")


class Mixed(NamedTuple):
    """What `mix_advantages` makes of the rewards of a rollout.

    Attributes:
        advantage: mixed and normalised; means nothing on transitions that join.
        returns: each stream's value target.
        value_valid: where that target counts.
    """

    advantage: Float32[Tensor, "T B"]
    returns: Float32[Tensor, "V T B"]
    value_valid: Bool[Tensor, "V T B"]


def mix_advantages(
    streams: Sequence[RewardStream],
    rewards: Sequence[Float32[Tensor, "T B"]],
    values: Float32[Tensor, "V T+1 B"],
    terminated: Bool[Tensor, "T B"],
    truncated: Bool[Tensor, "T B"],
    first: Bool[Tensor, "T+1 B"],
    least_std: float,
) -> Mixed:
    """Mix the streams' advantages, and say what their values learn.

    `A = (Σ_v w_v A_v - mean) / max(std, c Σ_v |w_v|)`, mean and std over the valid
    transitions of all processes, c = `least_std`. Rewards are of order 1 once scaled or
    clipped, and returns at least that; where advantages spread far less, they are
    mostly errors of the critic. Divided by their own std, those would push the policy
    as hard as a discovery does.

    Value targets are advantage plus value. A non-episodic stream has one on joining
    transitions as well (`continuing_returns`), an episodic one does not.

    Args:
        streams, rewards, values: as many of each, in the same order.
        least_std: `PpoConfig.least_advantage_std`.
    """
    valid = ~first[1:]
    mixed = torch.zeros_like(rewards[0])
    returns, value_valid = [], []
    for stream, reward, value in zip(streams, rewards, values, strict=True):
        each = stream.advantage(reward, value, terminated, truncated, first)
        mixed = mixed + stream.weight * each
        if stream.episodic:
            returns.append(each + value[:-1])
            value_valid.append(valid)
        else:
            returns.append(continuing_returns(each, value, first))
            value_valid.append(torch.ones_like(valid))
    everywhere, counts = gathered_rows(mixed, 1), gathered_rows(valid, 1)
    mean = masked_mean(everywhere, counts)
    std = masked_mean((everywhere - mean) ** 2, counts).sqrt()
    least = least_std * sum(abs(stream.weight) for stream in streams)
    advantage = (mixed - mean) / std.clamp(min=max(least, 1e-8))
    return Mixed(advantage, torch.stack(returns), torch.stack(value_valid))


@dataclass(frozen=True)
class PpoBatch:
    """What the loss of a minibatch is computed from; b envs, V trained streams.

    Attributes:
        action, log_prob: taken, and their log probability when they were.
        advantage: normalised over the whole rollout.
        returns: each stream's value target.
        valid: transitions that the policy learns from.
        value_valid: transitions that each stream's value learns from.
    """

    action: Shaped[Tensor, "T b *A"]
    log_prob: Float32[Tensor, "T b"]
    advantage: Float32[Tensor, "T b"]
    returns: Float32[Tensor, "V T b"]
    valid: Bool[Tensor, "T b"]
    value_valid: Bool[Tensor, "V T b"]

    def of_all_processes(self) -> "PpoBatch":
        """The parts of all processes as one."""
        return PpoBatch(
            gathered_rows(self.action, 1),
            gathered_rows(self.log_prob, 1),
            gathered_rows(self.advantage, 1),
            gathered_rows(self.returns, 2),
            gathered_rows(self.valid, 1),
            gathered_rows(self.value_valid, 2),
        )


class PpoLoss(NamedTuple):
    """The total to minimise, and its parts for people."""

    total: Float32[Tensor, ""]
    metrics: Mapping[str, Float[Tensor, ""]]


def ppo_loss(
    config: PpoConfig,
    batch: PpoBatch,
    distribution: ActionDistribution,
    value: Float32[Tensor, "V T b"],
) -> PpoLoss:
    """`-E min(ρ A, clip(ρ, 1±ε) A) + c_v Σ_v E_v (V_v - R_v)² - c_H E H`.

    E is over valid transitions, `E_v` over those valid for stream v. Values are not
    clipped.
    """
    valid = batch.valid
    log_ratio = distribution.log_prob(batch.action) - batch.log_prob
    ratio = log_ratio.exp()
    gain = torch.minimum(
        ratio * batch.advantage,
        ratio.clamp(1 - config.clip, 1 + config.clip) * batch.advantage,
    )
    policy = -masked_mean(gain, valid)
    weight = batch.value_valid.float()
    errors = ((value - batch.returns).square() * weight).sum((1, 2))
    value_error = (errors / weight.sum((1, 2)).clamp(min=1.0)).sum()
    entropy = masked_mean(distribution.entropy(), valid)
    total = policy + config.value_coeff * value_error - config.entropy_coeff * entropy
    with torch.no_grad():
        metrics = {
            "loss/policy": policy.detach(),
            "loss/value": value_error.detach(),
            "policy/entropy": entropy.detach(),
            "policy/kl": masked_mean(ratio - 1 - log_ratio, valid),
            "policy/clip_fraction": masked_mean(
                ((ratio - 1).abs() > config.clip).float(), valid
            ),
        }
    return PpoLoss(total, metrics)


def masked_mean(
    values: Float[Tensor, "T B"], mask: Bool[Tensor, "T B"]
) -> Float[Tensor, ""]:
    """Mean over the entries where `mask`; 0 if there are none."""
    weight = mask.to(values.dtype)
    return (values * weight).sum() / weight.sum().clamp(min=1.0)
