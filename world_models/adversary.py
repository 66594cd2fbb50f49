"""An adversary: a network that learns against the model, by an optimiser of its own."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.distributed import average_gradients

AdversaryLoss = Callable[[], Float[Tensor, ""]]
"""What the adversary minimises on one batch, computed anew at each call."""


@final
class Adversary(nn.Module):
    """A critic in a min-max game with the model that holds it.

    The critic is frozen except while it learns. So gradient passes through it to the
    model, and whoever trains the model's parameters leaves it alone without knowing
    it. It takes `steps` steps behind each of the model's, on the same batches.

    Args:
        critic: what plays against the model.
        learning_rate: of its Adam.
        steps: critic steps per gradient step of the model, at least 1.
        max_grad_norm: its gradient is scaled down to this norm.
    """

    def __init__(
        self,
        critic: nn.Module,
        learning_rate: float = 3e-3,
        steps: int = 1,
        max_grad_norm: float = 10.0,
    ) -> None:
        if steps < 1:
            raise ValueError(f"critic steps must be at least 1, not {steps}")
        super().__init__()
        self.critic = critic
        self.steps, self.max_grad_norm = steps, max_grad_norm
        self.optimizer = torch.optim.Adam(critic.parameters(), learning_rate)
        critic.requires_grad_(False)

    def learn(self, losses: Sequence[AdversaryLoss]) -> None:
        """Take the critic's steps on the mean of some batches' losses.

        Args:
            losses: must read what the model computed without gradient.
        """
        if not losses:
            return
        self.critic.requires_grad_(True)
        try:
            with torch.enable_grad():
                for _ in range(self.steps):
                    self.optimizer.zero_grad(set_to_none=True)
                    torch.stack([loss() for loss in losses]).mean().backward()
                    # the same on all processes, but for how their devices round
                    average_gradients(self.critic.parameters())
                    nn.utils.clip_grad_norm_(
                        self.critic.parameters(), self.max_grad_norm
                    )
                    self.optimizer.step()
        finally:
            self.optimizer.zero_grad(set_to_none=True)
            self.critic.requires_grad_(False)

    def get_extra_state(self) -> dict[str, Any]:
        """The optimiser's state, saved with the weights."""
        return self.optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_extra_state` gave."""
        # torch's optimisers keep the very tensors that they are given
        self.optimizer.load_state_dict(deepcopy(state))
