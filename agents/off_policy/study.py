"""How world model and signals learn from a replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from agents.appraiser import Appraiser, Studied
from agents.at_least import check_least
from agents.learner import Learner
from agents.metrics import Metrics
from world_models.belief import Carry, skipping
from world_models.data.replay import ReplayBuffer
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class StudyConfig:
    """How world model and curiosity learn from windows of past rollouts."""

    capacity: int = 1_000
    """rollouts kept"""
    learning_starts: int = 1_000
    """env steps, of all worlds together, before anything learns"""
    updates_per_rollout: int = 10
    """gradient steps behind each rollout"""
    batch: int = 64
    """windows in each of them; as many transitions long as the model's horizon"""
    burn_in: int = 4
    """steps in front of each, that only bring memories up to date"""
    learning_rate: float = 1e-3
    """of Adam"""
    max_grad_norm: float = 10.0
    """gradients of the model, and of each signal, are scaled down to this norm"""

    def __post_init__(self) -> None:
        check_least(self, 1, "capacity", "batch")
        check_least(self, 0, "learning_starts", "updates_per_rollout", "burn_in")
        check_least(self, 0, "learning_rate", "max_grad_norm")


class Study:
    """Gradient steps of world model and signals on windows of past rollouts.

    Args:
        config: its numbers.
        appraiser: model and signals, of which some learn, on their device.
        generator: draws windows, and whatever signals draw.
    """

    def __init__(
        self, config: StudyConfig, appraiser: Appraiser, generator: torch.Generator
    ) -> None:
        self.config, self.appraiser, self.generator = config, appraiser, generator
        model = appraiser.model
        self.learner = Learner(
            nn.Module() if model is None else model,
            model,
            list(appraiser.curious.values()),
            config.learning_rate,
            config.max_grad_norm,
        )
        self.burn_in = config.burn_in if appraiser.remembers else 0
        self.num_steps = self.burn_in + (1 if model is None else model.horizon)

    def step(self, replay: ReplayBuffer) -> Metrics:
        """One gradient step."""
        past = replay.sample(self.config.batch, self.generator, self.num_steps)
        studied = self.loss(past.traj, past.carry)
        self.learner.step(studied.total, *studied.losses)
        return studied.metrics

    def loss(self, traj: Trajectory, carry: Carry) -> Studied:
        """What windows teach; one forward pass serves model and signals.

        Args:
            traj: `num_steps` transitions of some windows.
            carry: frames and actions before them.
        """
        model, past = self.appraiser.model, None
        if self.burn_in:
            past = traj.steps(0, self.burn_in)
        if model is not None:
            belief = model.belief
            begun = belief.recall(carry)
            traj, carry = belief.behind_burn_in(traj, begun, self.burn_in)
        elif past is not None:
            carry = skipping(past, carry)
            traj = traj.steps(self.burn_in, traj.num_steps)
        return self.appraiser.study(traj, carry, self.generator, past=past)

    def state_dict(self) -> dict[str, Any]:
        """Optimiser and draws."""
        return {
            "learner": self.learner.state_dict(),
            "generator": self.generator.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on."""
        self.learner.load_state_dict(state["learner"])
        self.generator.set_state(state["generator"].cpu())
