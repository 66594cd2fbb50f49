"""The contract of agents: they collect rollouts, reward curiosity, and learn."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from agents.collect import Collector, Happened
from agents.curiosity.signal import IntrinsicReward, Signal
from agents.draws import drawn_actions
from agents.experience import Experience
from agents.player import Player
from agents.seeds import Seeds
from envs.vector_env import VectorEnv
from ssl_objectives.distributed import gathered_rows
from world_models.latent_dynamics import LatentDynamics


@dataclass(frozen=True)
class TrainStepResult:
    """Metrics and finished episodes of a training step, still on the device.

    Of all processes, and the same in each.
    """

    metrics: Mapping[str, Float[Tensor, ""]]
    happened: Happened


class Agent(ABC):
    """An agent in its worlds. A training step is one rollout, and what it teaches.

    Several processes are one agent: each has a part of the worlds, and steps and
    encodes these; what is learned and told is that of all of them together.

    Attributes:
        env: B worlds, of this process; the agent resets and steps them.
        player: its networks as they play; `world_model` is in it.
        signals: curiosity by name, each with the reward stream that it pays into.
        modules: all networks and statistics, the player under `actor`.
        collector: collects rollouts.
        notes: what the acting policy notes of each action: sizes behind `[T, B]`.
        seed, seeds: of the whole run, and of all that it draws.
        env_steps: transitions inside episodes so far, of all processes, random warm-up
            included.
    """

    env: VectorEnv
    player: Player
    signals: Mapping[str, Signal]
    modules: nn.Module
    collector: Collector
    notes: Mapping[str, tuple[int, ...]]
    seed: int
    seeds: Seeds
    env_steps: int

    @property
    def world_model(self) -> LatentDynamics | None:
        """The world model, if there is one."""
        return self.player.world_model

    @property
    @abstractmethod
    def rollouts_kept(self) -> int:
        """By its replay; 0 without one."""

    def begin(self) -> None:
        """Reset the worlds, after whatever random play the curiosity asks for."""
        self.collector.begin(self.seeds.worlds)
        signals = [x.curiosity for x in self.signals.values()]
        wanted = max((x.warm_up_steps for x in signals), default=0)
        generator = torch.Generator().manual_seed(self.seeds.warm_up)
        played = torch.zeros((), dtype=torch.int64, device=self.env.spec.device)
        for t in range(wanted):
            row = self.env.step(drawn_actions(self.env.spec, generator))
            played += (~row.first).sum()
            for signal in signals:
                if t < signal.warm_up_steps:
                    vector = None if row.vector is None else row.vector[None]
                    signal.warm_up(row.obs[None], vector)
        if wanted:
            self.env_steps += int(gathered_rows(played[None], 0).sum())
            self.collector.begin(self.seeds.worlds)

    @abstractmethod
    def train_step(self, describe: bool = True) -> TrainStepResult:
        """Collect one rollout and learn from it.

        Args:
            describe: also measure what only people want to know.
        """

    @abstractmethod
    def play_on(self) -> tuple[Experience, Mapping[str, IntrinsicReward]]:
        """Collect one rollout, and tell what each signal pays for it; for people.

        Nothing is learned: weights stay, and so do lifelong memories. Statistics of
        rewards, and memories of an episode, move as in a training step.
        """

    @abstractmethod
    def rehearse(self, experience: Experience) -> None:
        """Do with a rollout what takes most memory in a training step: no step.

        Statistics of rewards move, weights do not.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything: networks, targets, optimisers, statistics, worlds, draws.

        All processes must ask for it at once: each has worlds of its own, and the first
        one's state has them all.
        """

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`, bit for bit where the worlds can.

        Learning rates are those that this agent was built with.

        Raises:
            ConfigError: it was saved by another number of processes.
        """
