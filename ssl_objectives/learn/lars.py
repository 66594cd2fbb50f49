"""LARS: SGD with momentum, with a rate for each layer (arXiv 1708.03888).

For a layer with weights w and gradient g:

    λ = η |w| / (|g| + β |w|)           1 where |w| or |g| is 0
    v ← m v + λ (g + β w)
    w ← w - γ v

Vectors (biases, norms) have λ = 1 and β = 0, as SimCLR, BYOL, Barlow Twins and VICReg
have it.

Deviations: the paper's rate γ stands in front of the momentum, `v ← m v + γ λ (…)`;
here it stands behind it, as in PyTorch's SGD and in the official code of Barlow Twins.
With a constant rate the two are the same. That code divides by |g + β w|; here it is
the paper's |g| + β |w|, which is at least as large and, with β of 1e-6, all but equal.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor, nn, optim

from ssl_objectives.learn.decay import Decayed
from ssl_objectives.learn.optimizer import check_numbers
from ssl_objectives.learn.schedule import Cosine, Fall, share_of_rate
from ssl_objectives.refusal import ConfigError


@final
class Lars(optim.Optimizer):
    """LARS. A group says by `adapted` whether its layers have rates of their own.

    Args:
        params: parameters, or groups of them.
        lr: γ, the rate of all layers.
        momentum: m.
        weight_decay: β.
        trust: η.
        adapted: whether layers have rates of their own; else λ is 1.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 1e-3,
        adapted: bool = True,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "trust": trust,
            "adapted": adapted,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One step along the gradients that are there.

        Args:
            closure: computes the loss anew, with gradient.

        Returns:
            What the closure gave, if there is one.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for x in group["params"]:
                if x.grad is not None:
                    self._move(x, x.grad, group)
        return loss

    def _move(self, x: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        direction = gradient.add(x, alpha=group["weight_decay"])
        if group["adapted"]:
            size, slope = x.norm(), gradient.norm()
            own = group["trust"] * size / (slope + group["weight_decay"] * size)
            # nothing waits for the device, and 0 / 0 is not looked at
            own = torch.where((size > 0) & (slope > 0), own, torch.ones_like(own))
            direction *= own
        if group["momentum"]:
            state = self.state[x]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(x)
            direction = state["momentum"].mul_(group["momentum"]).add_(direction)
        x.sub_(direction, alpha=group["lr"])


@dataclass(frozen=True)
class LarsConfig:
    """LARS (1708.03888): SGD with momentum and a rate for each layer; large batches."""

    learning_rate: float = 0.3
    """γ, the highest"""
    momentum: float = 0.9
    """m, share of the last direction that is kept; 0: none"""
    weight_decay: float = 1e-6
    """β, pulls towards 0"""
    trust: float = 1e-3
    """η: a step of a layer is at most this share of its weights, times γ"""
    decayed: Decayed = Decayed.MATRICES
    """which parameters decay and have rates of their own"""
    spared_rate: float = 1.0
    """share of the rate that the others learn at (Barlow Twins: 0.024)"""
    warm_up: float = 0.05
    """share of all steps in which the rate rises from 0"""
    fall: Fall = field(default_factory=Cosine)
    """how it falls from then on"""
    max_norm: float = 0.0
    """bound on the norm of all gradients together; 0: none"""

    def __post_init__(self) -> None:
        check_numbers(self)
        for name in ("trust", "spared_rate"):
            if not 0 < getattr(self, name) < math.inf:
                flag = name.replace("_", "-")
                raise ConfigError(f"--optimizer.{flag} must be above 0 and finite.")

    def build(self, module: nn.Module) -> Lars:
        """Groups with and without weight decay, of each pace (`pace.py`)."""
        groups = self.decayed.groups(module, self.weight_decay, self.spared_rate)
        return Lars(groups, self.learning_rate, self.momentum, trust=self.trust)

    def rate(self, done: float) -> float:
        """The learning rate when a share `done` of all steps is done."""
        return self.learning_rate * share_of_rate(done, self.warm_up, self.fall)
