"""For which device a plan runs networks on shapes alone.

A plan follows computations on the `meta` device, where tensors have shapes and no
values. What depends on the device (how many rows pass at once, in which number format)
must then be as on the device that is planned for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch


class Planned(NamedTuple):
    """What a plan is for.

    Attributes:
        device: where the computation will run.
        share: of the rows that will pass there, those that pass here; chunks are
            smaller by as much, so that all that is held may be scaled.
    """

    device: "torch.device"
    share: float = 1.0


_PLANNED: ContextVar[Planned | None] = ContextVar("planned", default=None)


def what_is_planned() -> Planned | None:
    """What is planned here; None outside of any plan."""
    return _PLANNED.get()


@contextmanager
def planned_for(device: "torch.device", share: float = 1.0) -> Iterator[None]:
    """Inside, chunks and formats are those of `device`, wherever tensors lie."""
    token = _PLANNED.set(Planned(device, share))
    try:
        yield
    finally:
        _PLANNED.reset(token)
