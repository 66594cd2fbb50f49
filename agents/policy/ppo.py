"""Proximal policy optimisation (PPO, arXiv 1707.06347) over several reward streams."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from agents.policy.actor_critic import ActionDistribution
from agents.policy.advantages import continuing_advantage, episodic_advantage
from agents.rollout import Minibatch, Rollout


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

    def __post_init__(self) -> None:
        for name in ("discount", "trace"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, not {value}")

    def advantage(
        self,
        rollout: Rollout,
        reward: Float32[Tensor, "T B"],
        value: Float32[Tensor, "T+1 B"],
    ) -> Float32[Tensor, "T B"]:
        """Advantage of this stream, in its own units."""
        traj = rollout.traj
        if self.clip is not None:
            reward = reward.clamp(-self.clip, self.clip)
        if not self.episodic:
            return continuing_advantage(
                reward, value, traj.first, self.discount, self.trace
            )
        return episodic_advantage(
            reward,
            value,
            traj.terminated,
            traj.truncated,
            traj.first,
            self.discount,
            self.trace,
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

    def __post_init__(self) -> None:
        for name in ("num_steps", "num_epochs", "num_minibatches"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")


class Mixed(NamedTuple):
    """Mixed advantages and each stream's returns, from `mix_advantages`."""

    advantage: Float32[Tensor, "T B"]
    returns: Float32[Tensor, "V T B"]


def mix_advantages(
    rollout: Rollout,
    streams: list[RewardStream],
    rewards: list[Float32[Tensor, "T B"]],
) -> Mixed:
    """Weighted sum of the streams' advantages, normalised over valid transitions.

    `returns[v]` is stream v's advantage plus value, the target of its critic.
    """
    each = [
        stream.advantage(rollout, reward, value)
        for stream, reward, value in zip(streams, rewards, rollout.value, strict=True)
    ]
    mixed = sum(s.weight * a for s, a in zip(streams, each, strict=True))
    assert isinstance(mixed, Tensor)
    valid = rollout.traj.valid
    mean = masked_mean(mixed, valid)
    std = masked_mean((mixed - mean) ** 2, valid).sqrt()
    returns = torch.stack(each) + rollout.value[:, :-1]
    return Mixed((mixed - mean) / (std + 1e-8), returns)


class PpoLoss(NamedTuple):
    """The total to minimise, and its parts for people."""

    total: Float32[Tensor, ""]
    metrics: Mapping[str, Float[Tensor, ""]]


def ppo_loss(
    config: PpoConfig,
    batch: Minibatch,
    distribution: ActionDistribution,
    value: Float32[Tensor, "V T b"],
) -> PpoLoss:
    """`-E min(ρ A, clip(ρ, 1±ε) A) + c_v Σ_v E (V_v - R_v)² - c_H E H`.

    Expectations are over valid transitions; values are not clipped.
    """
    valid = batch.traj.valid
    log_ratio = distribution.log_prob(batch.traj.action) - batch.log_prob
    ratio = log_ratio.exp()
    gain = torch.minimum(
        ratio * batch.advantage,
        ratio.clamp(1 - config.clip, 1 + config.clip) * batch.advantage,
    )
    policy = -masked_mean(gain, valid)
    errors = (value - batch.returns).square().sum(0)
    value_error = masked_mean(errors, valid)
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
