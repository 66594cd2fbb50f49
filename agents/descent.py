"""Gradient steps with Adam, on groups of parameters that are clipped apart."""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from ssl_objectives.distributed import average_gradients
from ssl_objectives.learn.pace import groups_by_pace, set_rate


class Descent:
    """One optimiser for several modules, each with a gradient norm of its own.

    Args:
        modules: what is trained; one that is frozen, or has no parameters, is left out.
        learning_rate: of Adam, of what has no pace of its own (`set_pace`).
        max_grad_norm: each module's gradient is scaled down to this norm.

    Raises:
        ValueError: none of them can be trained.
    """

    def __init__(
        self, modules: Iterable[nn.Module], learning_rate: float, max_grad_norm: float
    ) -> None:
        self.learning_rate, self.max_grad_norm = learning_rate, max_grad_norm
        each = [[p for p in x.parameters() if p.requires_grad] for x in modules]
        self.groups = [group for group in each if group]
        together = [p for group in self.groups for p in group]
        self.optimizer = torch.optim.Adam(
            groups_by_pace(together), learning_rate, eps=1e-5, fused=True
        )
        set_rate(self.optimizer, learning_rate)

    def step(self, total: Float32[Tensor, ""]) -> None:
        """Descend `total`; several processes by the mean of their gradients."""
        for group in self.groups:
            for x in group:
                x.grad = None
        total.backward()
        average_gradients(x for group in self.groups for x in group)
        for group in self.groups:
            _clip(group, self.max_grad_norm)
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on, at the learning rate that this one was made with."""
        self.optimizer.load_state_dict(state)
        set_rate(self.optimizer, self.learning_rate)


def _clip(parameters: list[nn.Parameter], most: float) -> None:
    """`nn.utils.clip_grad_norm_`, for gradients on one device: a third of its time."""
    gradients = [x.grad for x in parameters if x.grad is not None]
    if not gradients:
        return
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1.0))
