"""How a policy learns from a replay."""

from collections.abc import Mapping
from typing import Any

import torch

from agents.descent import Descent
from agents.metrics import Metrics
from agents.policy.off_policy import Lessons, OffPolicy
from world_models.data.replay import ReplayBuffer

PAID = "paid"
"""the column of the replay that holds what was paid, all streams together"""


class Schooling:
    """Gradient steps of a policy on windows of past rollouts.

    Args:
        policy: that learns, on the device that it is trained on.
        lessons: its own.
        generator: draws windows.
    """

    def __init__(
        self, policy: OffPolicy, lessons: Lessons, generator: torch.Generator
    ) -> None:
        self.policy, self.lessons, self.generator = policy, lessons, generator
        rate, norm = lessons.learning_rate, lessons.max_grad_norm
        self.descent = Descent([policy], rate, norm)

    def step(self, replay: ReplayBuffer) -> Metrics:
        """One gradient step."""
        told = self.lessons
        past = replay.sample(
            told.batch, self.generator, told.num_steps, newest=told.newest
        )
        loss = self.policy.loss(past.traj, past.carry, past.extras[PAID])
        self.descent.step(loss.total)
        self.policy.after_update()
        return dict(loss.metrics)

    def state_dict(self) -> dict[str, Any]:
        """Optimiser and draws."""
        return {
            "descent": self.descent.state_dict(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on."""
        self.descent.load_state_dict(state["descent"])
        self.generator.set_state(state["generator"].cpu())
