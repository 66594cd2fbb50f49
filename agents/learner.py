"""Gradient steps on all that is trained together, and on what follows them."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float32
from torch import Tensor, nn

from agents.curiosity.signal import Curiosity
from agents.descent import Descent
from world_models.latent_dynamics import LatentDynamics
from world_models.model_loss import ModelLoss


class Learner:
    """Takes gradient steps on networks and signals, and moves what follows each step.

    Gradients are clipped apart: a signal's own loss must not damp the others'.

    Args:
        networks: the world model, and whatever else is trained with it.
        model: the world model in them, if there is one.
        signals: curiosity, with networks of its own.
        learning_rate: of Adam.
        max_grad_norm: the gradient of the networks, and that of each signal, is scaled
            down to this norm.
    """

    def __init__(
        self,
        networks: nn.Module,
        model: LatentDynamics | None,
        signals: Sequence[Curiosity],
        learning_rate: float,
        max_grad_norm: float,
    ) -> None:
        self.model, self.signals = model, list(signals)
        self.descent = Descent([networks, *signals], learning_rate, max_grad_norm)

    def step(self, total: Float32[Tensor, ""], *losses: ModelLoss) -> None:
        """Descend; then let target, objective, adversary and signals follow.

        Args:
            total: what is differentiated.
            losses: the world model's, that are in it; without any, it was no step of
                the model.
        """
        self.descent.step(total)
        model = self.model if losses else None
        if model is not None:
            model.after_update(*losses)
        for signal in self.signals:
            signal.after_update(model)

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's."""
        return self.descent.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on, at the learning rate that this one was made with."""
        self.descent.load_state_dict(state)
