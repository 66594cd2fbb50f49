"""Reward scales for who is paid step by step: each follows whole blocks of steps."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from agents.curiosity.normalize import Prioritizer, RewardScale, RewardTransform


@final
class Held(RewardTransform):
    """A transform that turns each step by the blocks of steps before it.

    A mean or a std of one step's B rewards would be noise, and decays are meant per
    rollout. So steps are gathered, and followed as one rollout when there are T of
    them. A rollout that comes whole is followed at once: the first one must, since
    before it nothing is known.

    Args:
        inner: what turns.
        num_steps: T, steps in a block.
        num_envs: B.
    """

    def __init__(self, inner: RewardTransform, num_steps: int, num_envs: int) -> None:
        super().__init__()
        self.inner, self.num_steps, self.gathered = inner, num_steps, 0
        shape = (num_steps, num_envs)
        self.register_buffer("reward", torch.zeros(shape))
        self.register_buffer("valid", torch.zeros(shape, dtype=torch.bool))
        self.reward: Tensor
        self.valid: Tensor

    def follow(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> None:
        """Gather a step, or follow a whole rollout."""
        if len(reward) > 1 or self.num_steps == 1:
            self.inner.follow(reward, valid)
            return
        self.reward[self.gathered], self.valid[self.gathered] = reward[0], valid[0]
        self.gathered = (self.gathered + 1) % self.num_steps
        if not self.gathered:
            self.inner.follow(self.reward, self.valid)

    def turned(
        self, reward: Float32[Tensor, "T B"], valid: Bool[Tensor, "T B"]
    ) -> Float32[Tensor, "T B"]:
        """By what was followed last."""
        return self.inner.turned(reward, valid)

    def get_extra_state(self) -> Tensor:
        """How many steps of a block are gathered."""
        return torch.tensor(self.gathered)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` gave."""
        self.gathered = int(state)


def hold_scales(signal: nn.Module, num_steps: int, num_envs: int) -> None:
    """Let every scale and prioritiser of a signal follow blocks of steps."""
    for module in list(signal.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, RewardScale | Prioritizer):
                setattr(module, name, Held(part, num_steps, num_envs))
