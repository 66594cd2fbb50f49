"""Gradient steps: one optimiser for everything that is trained together."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from agents.curiosity.signal import Curiosity
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import ModelLoss


class Learner:
    """Takes gradient steps on actor and signals, and moves what follows each step.

    Gradients are clipped apart: a signal's own loss must not damp the actor's.

    Args:
        actor: policy, belief and world model.
        model: the world model in it, if there is one.
        signals: curiosity, with networks of its own.
        learning_rate: of Adam.
        max_grad_norm: each of the actor's and the signals' gradients is scaled down to
            this norm.
    """

    def __init__(
        self,
        actor: nn.Module,
        model: LatentDynamics | None,
        signals: Sequence[Curiosity],
        learning_rate: float,
        max_grad_norm: float,
    ) -> None:
        self.model, self.signals = model, list(signals)
        self.max_grad_norm = max_grad_norm
        groups = [
            [p for p in module.parameters() if p.requires_grad]
            for module in (actor, *signals)
        ]
        self.groups = [group for group in groups if group]
        self.optimizer = torch.optim.Adam(
            [p for group in self.groups for p in group],
            learning_rate,
            eps=1e-5,
            fused=True,
        )

    def step(self, total: Float32[Tensor, ""], *losses: ModelLoss) -> None:
        """Descend; then let target, objective, adversary and signals follow.

        Args:
            total: what is differentiated.
            losses: the world model's, that are in it; without any, it was no step of
                the model.
        """
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        for group in self.groups:
            nn.utils.clip_grad_norm_(group, self.max_grad_norm)
        self.optimizer.step()
        model = self.model if losses else None
        if model is not None:
            model.after_update(*losses)
        for signal in self.signals:
            signal.after_update(model)

    def set_learning_rate(self, learning_rate: float) -> None:
        """From the next step on."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's."""
        return self.optimizer.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on."""
        self.optimizer.load_state_dict(state)
