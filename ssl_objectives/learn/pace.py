"""Parts of a network that learn at a share of the learning rate: an encoder, slowly.

    set_pace(encoder, 0.1)
    optimizer = AdamWConfig(learning_rate=1e-3).build(network)  # its encoder at 1e-4

A pace is told to the parameters themselves, so that it goes with a network into
whatever it becomes a part of. Optimisers sort them by it (`by_pace`), and schedules set
rates by `set_rate`.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, final

from torch import Tensor, nn, optim

_PACE = "pace"


def set_pace(module: nn.Module, pace: float) -> None:
    """Have all parameters of a module learn at `pace` x the learning rate of the rest.

    Raises:
        ValueError: the pace is not above 0, or infinite: what shall not learn at all is
            frozen.
    """
    if not 0 < pace < math.inf:
        raise ValueError(f"a pace must be above 0 and finite, not {pace}")
    for x in module.parameters():
        setattr(x, _PACE, pace)


def by_pace(parameters: Iterable[Tensor]) -> dict[float, list[Tensor]]:
    """Parameters by the share of the learning rate that they learn at, in order."""
    found: dict[float, list[Tensor]] = {}
    for x in parameters:
        found.setdefault(getattr(x, _PACE, 1.0), []).append(x)
    return found


def groups_by_pace(parameters: Iterable[Tensor], **options: Any) -> list[Any]:
    """The same as groups of an optimiser of PyTorch's, with `options` of its own."""
    found = by_pace(parameters)
    return [{"params": x, _PACE: pace, **options} for pace, x in found.items()]


def set_rate(optimizer: optim.Optimizer, rate: float) -> None:
    """Set the learning rate of each group, by its pace; 1 of one that has none."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(_PACE, 1.0)


@final
class PacedAdam(optim.Adam):
    """Adam that keeps paces whatever sets `lr` of its groups, as other suites do.

    `lr` of a group is that of pace 1; a step multiplies it by the group's pace.

    Args:
        params: parameters, sorted here by their pace.
        lr: of pace 1.
        **options: Adam's. `eps` is 1e-5 if nobody says otherwise, as PPO has it.
    """

    def __init__(
        self, params: Iterable[Tensor], lr: float = 1e-3, **options: Any
    ) -> None:
        super().__init__(groups_by_pace(params), lr=lr, **{"eps": 1e-5, **options})

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Adam's, each group at its pace."""
        told = [group["lr"] for group in self.param_groups]
        for group, rate in zip(self.param_groups, told, strict=True):
            group["lr"] = rate * group[_PACE]
        try:
            return super().step(closure)
        finally:
            for group, rate in zip(self.param_groups, told, strict=True):
                group["lr"] = rate
