"""Reward streams before anything is made of them: scales, and a weighted sum."""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from agents.curiosity.normalize import ReturnStdScale, Unscaled
from agents.policy.ppo import RewardStream


def reward_scales(streams: Iterable[RewardStream], num_envs: int) -> nn.ModuleList:
    """What brings each stream's rewards to a scale, where it asks for that."""
    return nn.ModuleList(
        ReturnStdScale(num_envs, x.discount) if x.normalize else Unscaled()
        for x in streams
    )


def weighted_sum(
    streams: Sequence[RewardStream],
    rewards: Sequence[Float32[Tensor, "T B"]],
    valid: Bool[Tensor, "T B"],
) -> Float32[Tensor, "T B"]:
    """`Σ_v w_v clip(r_v, ±c_v)`, 0 on transitions that join two episodes.

    Args:
        streams, rewards: as many of each, in the same order; scaled.
        valid: False where a transition joins two episodes.
    """
    total = torch.zeros_like(rewards[0])
    for stream, reward in zip(streams, rewards, strict=True):
        if stream.weight:  # 0 times what is not finite would not be 0
            total = total + stream.weight * stream.clipped(reward)
    return total.masked_fill(~valid, 0.0)
