"""How far imagined latents are from a goal: what a planner makes small."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from jaxtyping import Float32
from torch import Tensor


class GoalDistance(ABC):
    """Makes one number of the H latents that a sequence of actions is to lead to."""

    @abstractmethod
    def __call__(
        self,
        latent: Float32[Tensor, "H *batch P"],
        goal: Float32[Tensor, "*batch P"],
    ) -> Float32[Tensor, "*batch"]:
        """Less is better."""


@final
@dataclass(frozen=True)
class SumOfSteps(GoalDistance):
    """`Σ_h ‖ẑ_h - z_g‖²`: be near, and be there soon (PLDM, arXiv 2502.14819)."""

    def __call__(
        self,
        latent: Float32[Tensor, "H *batch P"],
        goal: Float32[Tensor, "*batch P"],
    ) -> Float32[Tensor, "*batch"]:
        """Over all steps."""
        return (latent - goal).square().sum(-1).sum(0)


@final
@dataclass(frozen=True)
class LastStep(GoalDistance):
    """`‖ẑ_H - z_g‖²`: be there in the end (DINO-WM, arXiv 2411.04983)."""

    def __call__(
        self,
        latent: Float32[Tensor, "H *batch P"],
        goal: Float32[Tensor, "*batch P"],
    ) -> Float32[Tensor, "*batch"]:
        """Of the last step."""
        return (latent[-1] - goal).square().sum(-1)


@final
@dataclass(frozen=True)
class NearestStep(GoalDistance):
    """`min_h ‖ẑ_h - z_g‖²`: be there once, whatever comes of it afterwards."""

    def __call__(
        self,
        latent: Float32[Tensor, "H *batch P"],
        goal: Float32[Tensor, "*batch P"],
    ) -> Float32[Tensor, "*batch"]:
        """Of the step that comes nearest."""
        return (latent - goal).square().sum(-1).amin(0)
