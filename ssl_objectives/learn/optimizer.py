"""What an optimiser's description must tell, and AdamW's.

    optimizer = config.build(network)  # AdamWConfig(learning_rate=1e-3)
    follow_schedule(optimizer, config, done)  # before each step

SGD's and LARS's are beside it (`sgd.py`, `lars.py`), and how rates go
(`schedule.py`).
"""

import math
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from torch import nn, optim

from ssl_objectives.learn.decay import Decayed
from ssl_objectives.learn.pace import set_rate
from ssl_objectives.learn.schedule import Cosine, Fall, share_of_rate
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


@runtime_checkable
class Decaying(Protocol):
    """Describes an optimiser whose weight decay follows a schedule, too."""

    def decay(self, done: float) -> float:
        """The weight decay when a share `done` of all steps is done, in (0, 1)."""


def follow_schedule(
    optimizer: optim.Optimizer,
    config: OptimizerConfig,
    done: float,
    factor: float = 1.0,
) -> None:
    """Set learning rate and, where that has a schedule, weight decay; before a step.

    Groups that are spared weight decay (`Decayed.groups`) stay so.

    Args:
        optimizer: what `config` built.
        config: of both.
        done: share of all steps that is done.
        factor: what the learning rate is multiplied by.
    """
    set_rate(optimizer, factor * config.rate(done))
    if not isinstance(config, Decaying):
        return
    for group in optimizer.param_groups:
        if group.get("adapted"):
            group["weight_decay"] = config.decay(done)


@dataclass(frozen=True)
class AdamWConfig:
    """AdamW (1711.05101): a step for each number, and decay apart from it."""

    learning_rate: float = 2e-3
    """the highest"""
    weight_decay: float = 1e-4
    """pulls towards 0 at this share of the rate"""
    last_weight_decay: float | None = None
    """where it goes along half a cosine (DINO: from 0.04 to 0.4); None: it stays"""
    decayed: Decayed = Decayed.MATRICES
    """which parameters decay"""
    warm_up: float = 0.05
    """share of all steps in which the rate rises from 0"""
    fall: Fall = field(default_factory=Cosine)
    """how it falls from then on"""
    max_norm: float = 10.0
    """bound on the norm of all gradients together; 0: none"""

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.last_weight_decay is not None and not self.last_weight_decay >= 0:
            raise ConfigError("--optimizer.last-weight-decay must be at least 0.")

    def build(self, module: nn.Module) -> optim.AdamW:
        """Groups with and without weight decay, of each pace (`pace.py`)."""
        groups = self.decayed.groups(module, self.weight_decay)
        return optim.AdamW(groups, lr=self.learning_rate, fused=True)

    def rate(self, done: float) -> float:
        """The learning rate when a share `done` of all steps is done."""
        return self.learning_rate * share_of_rate(done, self.warm_up, self.fall)

    def decay(self, done: float) -> float:
        """The weight decay when a share `done` of all steps is done."""
        if self.last_weight_decay is None:
            return self.weight_decay
        left = Cosine().share(done)
        return self.last_weight_decay + left * (
            self.weight_decay - self.last_weight_decay
        )


def check_numbers(config: Any) -> None:
    """Refuse what no optimiser takes: a rate, decay, momentum or bound that is none.

    Raises:
        ConfigError: names the flag.
    """
    if not 0 < config.learning_rate < math.inf:
        raise ConfigError(
            "--optimizer.learning-rate must be above 0 and finite, not "
            f"{config.learning_rate}"
        )
    for name in ("weight_decay", "warm_up", "max_norm"):
        if not getattr(config, name) >= 0:  # NaN is not, either
            flag = name.replace("_", "-")
            raise ConfigError(f"--optimizer.{flag} must be at least 0.")
    if config.warm_up >= 1:
        raise ConfigError("--optimizer.warm-up must be below 1.")
    if not 0 <= getattr(config, "momentum", 0) < 1:
        raise ConfigError("--optimizer.momentum must be at least 0 and below 1.")
