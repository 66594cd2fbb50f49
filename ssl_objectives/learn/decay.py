"""Groups of parameters: which of them decay, and which learn at another rate."""

from collections.abc import Iterable
from enum import Enum
from typing import Any

from torch import Tensor, nn

from ssl_objectives.learn.pace import groups_by_pace


class Decayed(Enum):
    """Which parameters weight decay pulls towards 0, and LARS gives a rate each."""

    MATRICES = "matrices"
    """matrices and filters; biases, norms and scales are spared"""
    ALL = "all"
    """everything, as PyTorch's own optimisers"""

    def groups(
        self, module: nn.Module, weight_decay: float, spared_pace: float = 1.0
    ) -> list[Any]:
        """Groups for an optimiser of PyTorch's, with all that is trained.

        Each has `weight_decay`, its `pace`, and `adapted`: whether it is one that
        decays.

        Args:
            module: whose parameters they are; frozen ones are left out.
            weight_decay: of those that decay; the rest has 0.
            spared_pace: share of the learning rate of the rest.
        """
        trained = [x for x in module.parameters() if x.requires_grad]
        decaying = [x for x in trained if self._decays(x)]
        spared = (x for x in trained if not self._decays(x))
        return [
            *_groups(decaying, weight_decay, True, 1.0),
            *_groups(spared, 0.0, False, spared_pace),
        ]

    def _decays(self, x: Tensor) -> bool:
        return self is Decayed.ALL or x.ndim > 1


def _groups(
    parameters: Iterable[Tensor], weight_decay: float, adapted: bool, pace: float
) -> list[Any]:
    made = groups_by_pace(parameters, weight_decay=weight_decay, adapted=adapted)
    for group in made:
        group["pace"] *= pace
    return made
