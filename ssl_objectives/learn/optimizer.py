"""Optimisers and learning-rate schedules: AdamW with warm-up and cosine decay."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import nn, optim

from ssl_objectives.learn.pace import groups_by_pace
from ssl_objectives.refusal import ConfigError


@runtime_checkable
class OptimizerConfig(Protocol):
    """Describes an optimiser: a dataclass whose fields are its settings."""

    @property
    def max_norm(self) -> float:
        """Bound on the norm of all gradients together; 0 for none."""

    def build(self, module: nn.Module) -> optim.Optimizer:
        """Build it for all parameters of a module that are trained.

        Its groups hold parameters of one pace each (`groups_by_pace`), if any shall
        learn more slowly than others.
        """

    def rate(self, done: float) -> float:
        """The learning rate when a share `done` of all steps is done, in (0, 1)."""


@dataclass(frozen=True)
class AdamWConfig:
    """AdamW; the rate rises at first, then falls along half a cosine to 0."""

    learning_rate: float = 2e-3
    """the highest"""
    weight_decay: float = 1e-4
    """of matrices and filters; biases, norms and scales have none"""
    warm_up: float = 0.05
    """share of all steps in which the rate rises from 0"""
    max_norm: float = 10.0
    """bound on the norm of all gradients together; 0: none"""

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < math.inf:
            raise ConfigError(
                "--optimizer.learning-rate must be above 0 and finite, not "
                f"{self.learning_rate}"
            )
        for name in ("weight_decay", "warm_up", "max_norm"):
            if not getattr(self, name) >= 0:  # NaN is not, either
                flag = name.replace("_", "-")
                raise ConfigError(f"--optimizer.{flag} must be at least 0.")
        if self.warm_up >= 1:
            raise ConfigError("--optimizer.warm-up must be below 1.")

    def build(self, module: nn.Module) -> optim.AdamW:
        """Groups with and without weight decay, of each pace (`pace.py`)."""
        trained = [x for x in module.parameters() if x.requires_grad]
        decaying = [x for x in trained if x.ndim > 1]
        groups = groups_by_pace(decaying, weight_decay=self.weight_decay)
        groups += groups_by_pace((x for x in trained if x.ndim <= 1), weight_decay=0.0)
        return optim.AdamW(groups, lr=self.learning_rate, fused=True)

    def rate(self, done: float) -> float:
        """The learning rate when a share `done` of all steps is done."""
        if done < self.warm_up:
            return self.learning_rate * done / self.warm_up
        share = (done - self.warm_up) / (1 - self.warm_up)
        return self.learning_rate * (math.cos(math.pi * share) + 1) / 2
