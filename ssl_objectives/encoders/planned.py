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


def device_meant(own: "torch.device") -> "torch.device":
    """The device planned for; outside of any plan `own`, where the tensors lie."""
    planned = what_is_planned()
    return own if planned is None else planned.device


def taken_at_once(own: "torch.device", on_cpu: int, elsewhere: int) -> int:
    """How many rows (or numbers) a pass takes, of those it takes by device; at least 1.

    Args:
        own: where the tensors lie.
        on_cpu, elsewhere: how many there.
    """
    most = on_cpu if device_meant(own).type == "cpu" else elsewhere
    planned = what_is_planned()
    return most if planned is None else max(1, round(most * planned.share))
