"""SGD with momentum: what MoCo and most linear probes are trained by."""

from dataclasses import dataclass, field

from torch import nn, optim

from ssl_objectives.learn.decay import Decayed
from ssl_objectives.learn.optimizer import check_numbers
from ssl_objectives.learn.schedule import Cosine, Fall, share_of_rate


@dataclass(frozen=True)
class SgdConfig:
    """SGD with momentum: what MoCo is trained by.

    `v ← m v + g + β w`, then `w ← w - γ v`. The rate γ stands behind the momentum, as
    in PyTorch; with one that changes, that is not the same as in front of it.
    """

    learning_rate: float = 0.03
    """the highest"""
    momentum: float = 0.9
    """m, share of the last direction that is kept; 0: none"""
    weight_decay: float = 1e-4
    """β, pulls towards 0"""
    decayed: Decayed = Decayed.ALL
    """which parameters decay"""
    warm_up: float = 0.05
    """share of all steps in which the rate rises from 0"""
    fall: Fall = field(default_factory=Cosine)
    """how it falls from then on"""
    max_norm: float = 0.0
    """bound on the norm of all gradients together; 0: none"""

    def __post_init__(self) -> None:
        check_numbers(self)

    def build(self, module: nn.Module) -> optim.SGD:
        """Groups with and without weight decay, of each pace (`pace.py`)."""
        groups = self.decayed.groups(module, self.weight_decay)
        return optim.SGD(groups, lr=self.learning_rate, momentum=self.momentum)

    def rate(self, done: float) -> float:
        """The learning rate when a share `done` of all steps is done."""
        return self.learning_rate * share_of_rate(done, self.warm_up, self.fall)
