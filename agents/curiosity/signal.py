"""The contract of curiosity: signals of intrinsic reward, over any world model."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from agents.rollout import Rollout
from ssl_objectives.objective import Loss
from world_models.model_loss import ModelLoss
from world_models.trajectory import Trajectory


@dataclass(frozen=True)
class IntrinsicReward:
    """The intrinsic reward of each transition: as measured, and as paid.

    Both are 0 on transitions that join two episodes.
    """

    raw: Float32[Tensor, "T B"]
    reward: Float32[Tensor, "T B"]


class Curiosity(nn.Module, ABC):
    """An intrinsic reward signal (novelty bonus); all its state is saved with it.

    State lies in buffers and parameters.
    """

    needs_model: bool = False

    @abstractmethod
    def reward(self, rollout: Rollout, model_loss: ModelLoss | None) -> IntrinsicReward:
        """Reward of each fresh transition; called once per rollout, without gradient.

        `model_loss` covers the context (if any) and then the T fresh transitions.
        """

    def loss(self, traj: Trajectory, generator: torch.Generator) -> Loss | None:
        """What the signal itself learns from a minibatch; None if nothing."""
        return None

    def warm_up(self, obs: UInt8[Tensor, "R B C H W"]) -> None:
        """See rows of random play before training begins."""

    warm_up_steps: int = 0  # random env steps (per env) the signal wants first

    def after_update(self) -> None:
        """Follow a gradient step."""


@runtime_checkable
class CuriosityConfig(Protocol):
    """Builds a curiosity signal for observations (C, H, W) of B envs.

    `discount` is that of the intrinsic reward stream.
    """

    def build(
        self, obs_shape: tuple[int, int, int], num_envs: int, discount: float
    ) -> Curiosity:
        """Build it."""
