"""Distributed data-parallel training: gathers views, averages gradients.

The binder gathers `Views`; then every process computes the same objective on the whole
batch, so that queues, memories and counters stay equal everywhere and no objective
knows of processes. Gradients are averaged afterwards (`average_gradients`): right for
the encoder, of which each process has a part of the gradient, and for what the
objective itself trains, of which each has all. Batch norm sums over processes by itself
(`encoders/batch_norm.py`). Where no process group was initialised, or it has one
member, all of this costs nothing.

All processes must start from equal weights and make the same calls in the same order.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor, nn

from ssl_objectives.objective import Views


def num_processes() -> int:
    """How many processes train together; 1 where none were told to."""
    together = dist.is_available() and dist.is_initialized()
    return dist.get_world_size() if together else 1


def gathered(views: Views) -> Views:
    """The rows of all processes, those of the first process first.

    The backward pass hands every process the gradient of its own rows, times the number
    of processes, which `average_gradients` takes away again. What was one tensor (z, p
    and t of a method without predictor and target network) stays one. Waits for the
    device once, to compare how many rows there are.

    Raises:
        ValueError: processes hold different numbers of rows.
    """
    if num_processes() == 1:
        return views
    rows = next(x for x in (*views.z, *views.p, *views.t) if x is not None)
    axis = rows.dim() - 2
    _demand_equal(rows.shape[axis], rows.device)
    done: dict[int, Tensor] = {}

    def one(x: Tensor) -> Tensor:
        if id(x) not in done:
            done[id(x)] = _Gather.apply(x, axis)  # type: ignore[no-untyped-call]  # torch has no types for it
        return done[id(x)]

    def maybe(x: Tensor | None) -> Tensor | None:
        return None if x is None else one(x)

    def each(given: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(maybe(x) for x in given)

    return replace(
        views,
        z=each(views.z),
        p=each(views.p),
        t=each(views.t),
        valid=maybe(views.valid),
        row=maybe(views.row),
        rep=each(views.rep),
        maps=each(views.maps),
        extra={name: one(x) for name, x in views.extra.items()},
    )


def gathered_rows(x: Shaped[Tensor, "..."], axis: int) -> Shaped[Tensor, "..."]:
    """One tensor of all processes, joined along an axis; see `gathered`."""
    if num_processes() == 1:
        return x
    whole: Tensor = _Gather.apply(x, axis)  # type: ignore[no-untyped-call]  # torch has no types for it
    return whole


def check_equal_rows(rows: int, device: torch.device) -> None:
    """Refuse processes that hold different numbers of rows; waits for the device.

    Raises:
        ValueError: they do.
    """
    if num_processes() > 1:
        _demand_equal(rows, device)


@torch.no_grad()
def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace gradients by their mean over processes; between backward and step."""
    if num_processes() == 1:
        return
    grads = [p.grad for p in parameters if p.grad is not None]
    for dtype in dict.fromkeys(x.dtype for x in grads):
        alike = [x for x in grads if x.dtype is dtype]
        flat = torch.cat([x.reshape(-1) for x in alike])
        dist.all_reduce(flat)
        flat /= num_processes()
        parts = flat.split([x.numel() for x in alike])
        for own, mean in zip(alike, parts, strict=True):
            own.copy_(mean.view(own.shape))


def sum_over_processes(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """The sum over processes; gradient flows to the summands of all of them."""
    summed: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]  # torch has no types for it
    return summed


class _Gather(torch.autograd.Function):
    """Concatenate along an axis; every process computes the same from the result."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axis: int) -> Tensor:
        """All parts, in the order of the processes."""
        ctx.axis, ctx.size = axis, x.shape[axis]
        parts = x.new_empty(num_processes(), *x.shape)
        dist.all_gather(list(parts.unbind()), x.contiguous())
        return parts.movedim(0, axis).flatten(axis, axis + 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The sum over processes, which all have the same gradient."""
        mine = gradient.narrow(ctx.axis, dist.get_rank() * ctx.size, ctx.size)
        return mine * num_processes(), None


class _Sum(torch.autograd.Function):
    """Add up; every process computes something else from the result."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The sum, on all processes."""
        summed = x.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """What all processes made of the sum."""
        summed = gradient.contiguous().clone()
        dist.all_reduce(summed)
        return summed


def _demand_equal(rows: int, device: torch.device) -> None:
    found = torch.empty(num_processes(), 1, dtype=torch.int64, device=device)
    dist.all_gather(list(found.unbind()), torch.tensor([rows], device=device))
    if len(found.unique()) > 1:
        each = ", ".join(map(str, found.flatten().tolist()))
        raise ValueError(
            f"processes hold {each} rows; give every process equally many, and leave "
            "out the end of the data where it does not divide"
        )
