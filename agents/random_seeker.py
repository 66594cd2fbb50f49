"""The control of planning: uniformly random actions."""

from typing import final

import torch
from jaxtyping import Bool, Shaped, UInt8
from torch import Tensor

from envs.vector_env import ActionSpace, ContinuousActions


@final
class RandomSeeker:
    """Seeks nothing: what success by chance is.

    Args:
        actions: of the world.
        seed: of the draws.
        device: of the actions.
    """

    def __init__(
        self, actions: ActionSpace, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        self.actions = actions
        self.generator = torch.Generator(device).manual_seed(seed)

    def aim(self, goal: UInt8[Tensor, "B C H W"]) -> None:
        """Of no importance."""

    def act(
        self, obs: UInt8[Tensor, "B C H W"], first: Bool[Tensor, "B"]
    ) -> Shaped[Tensor, "B ..."]:
        """Any action."""
        num, device = len(obs), self.generator.device
        if isinstance(self.actions, ContinuousActions):
            shape = (num, self.actions.size)
            return 2 * torch.rand(shape, generator=self.generator, device=device) - 1
        return torch.randint(
            self.actions.n, (num,), generator=self.generator, device=device
        )

    def envs(self, index: Shaped[Tensor, "b"]) -> None:
        """There is nothing to keep."""
