"""The contract of policies that act apart from the world model, and may learn."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from agents.acting import ActingPolicy
from envs.vector_env import EnvSpec
from world_models.belief import Carry
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class Lessons:
    """On what a policy learns, how often and how fast.

    Attributes:
        updates: gradient steps per rollout.
        batch: windows in each of them.
        num_steps: transitions in a window.
        newest: rollouts that windows are drawn from; None: all that are kept.
        learning_rate: of Adam.
        max_grad_norm: gradients are scaled down to this norm.
    """

    updates: int
    batch: int
    num_steps: int
    newest: int | None
    learning_rate: float
    max_grad_norm: float


class PolicyLoss(NamedTuple):
    """The total to minimise, and its parts for people."""

    total: Float32[Tensor, ""]
    metrics: Mapping[str, Float[Tensor, ""]]


class OffPolicy(nn.Module, ABC):
    """A policy that learns from anybody's experience, or from none; its networks.

    It shares nothing with the world model that learns beside it, so that a scripted
    policy in its place leaves all else as it is.

    Attributes:
        lessons: what it learns from; None where it never learns.
    """

    lessons: Lessons | None = None

    @abstractmethod
    def exploring(self, generator: torch.Generator) -> ActingPolicy:
        """Who collects experience; `generator` lies where the worlds do."""

    @abstractmethod
    def playing(self, generator: torch.Generator, greedy: bool) -> ActingPolicy:
        """Who plays once training is over."""

    def loss(
        self, traj: Trajectory, carry: Carry, reward: Float32[Tensor, "T b"]
    ) -> PolicyLoss:
        """What it learns from windows.

        Args:
            traj: windows of past rollouts, `Lessons.num_steps` transitions each.
            carry: frames and actions before them; no memory.
            reward: paid for each transition, all streams together.
        """
        raise NotImplementedError(f"{type(self).__name__} learns nothing")

    def after_update(self) -> None:
        """Follow a gradient step on the loss."""

    def follow(self, traj: Trajectory) -> None:
        """Let running moments of what is observed follow a fresh rollout."""


@runtime_checkable
class OffPolicyConfig(Protocol):
    """Describes a policy that acts apart from the world model: a dataclass."""

    def build(self, spec: EnvSpec, begin: int) -> OffPolicy:
        """Build it for worlds like `spec`, on the CPU.

        Args:
            spec: of the worlds.
            begin: env steps before anything learns.

        Raises:
            ValueError: it cannot act in such worlds.
        """
