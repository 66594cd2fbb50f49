"""Distributed data-parallel training: gathers rows, averages gradients.

The binder gathers `Views`; then every process computes the same objective on the whole
batch, so that queues, memories and counters stay equal everywhere and no objective
knows of processes. Gradients are averaged afterwards (`average_gradients`): right for
the encoder, of which each process has a part of the gradient, and for what the
objective itself trains, of which each has all. Batch norm sums over processes by itself
(`encoders/batch_norm.py`). Where no process group was initialised, or it has one
member, all of this costs nothing.

All processes must start from equal weights and make the same calls in the same order.
What one of them does by itself (the first one evaluates, say) it does within `alone`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor, nn

from ssl_objectives.objective import Views
from ssl_objectives.refusal import ConfigError

T = TypeVar("T")

_by_itself = 0  # how many times `alone` was entered


def num_processes() -> int:
    """How many processes train together; 1 where none were told to, or `alone`."""
    together = dist.is_available() and dist.is_initialized() and not _by_itself
    return dist.get_world_size() if together else 1


def rank() -> int:
    """The number of this process, from 0; the first one writes and talks."""
    return dist.get_rank() if num_processes() > 1 else 0


@contextmanager
def alone() -> Iterator[None]:
    """Within, this process is the only one: it asks the others for nothing."""
    global _by_itself
    _by_itself += 1
    try:
        yield
    finally:
        _by_itself -= 1


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
            done[id(x)] = gathered_rows(x, axis)
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
        aims=each(views.aims),
        extra={name: one(x) for name, x in views.extra.items()},
    )


def gathered_rows(x: Shaped[Tensor, "..."], axis: int) -> Shaped[Tensor, "..."]:
    """One tensor of all processes, joined along an axis; see `gathered`.

    Of a tensor without values (a plan's, or an empty one) all processes are taken to
    have the same.
    """
    if num_processes() == 1:
        return x
    if x.is_meta or not x.numel():
        return torch.cat([x] * num_processes(), axis)
    whole: Tensor = _Gather.apply(x, axis)  # type: ignore[no-untyped-call]  # torch has no types for it
    return whole


def own_rows(x: Shaped[Tensor, "..."], axis: int) -> Shaped[Tensor, "..."]:
    """This process's part of what `gathered_rows` joined: a view."""
    size = x.shape[axis] // num_processes()
    return x.narrow(axis, rank() * size, size)


def check_equal_rows(rows: int, device: torch.device) -> None:
    """Refuse processes that hold different numbers of rows; waits for the device.

    Raises:
        ValueError: they do.
    """
    if num_processes() > 1 and device.type != "meta":
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
    if num_processes() == 1:
        return x
    if x.is_meta:
        return x * num_processes()
    summed: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]  # torch has no types for it
    return summed


def of_each_process(state: T) -> list[T]:
    """What each process holds, in order, for the first one to save.

    All must call it. The others get a list of their own part alone. Tensors come to the
    CPU, where they may have come from the GPU of another process.
    """
    if num_processes() == 1:
        return [state]
    found: list[Any] = [None] * num_processes()
    dist.gather_object(_on_cpu(state), found if rank() == 0 else None)
    return found if rank() == 0 else [state]


def own_of(states: list[T], what: str = "The state") -> T:
    """This process's part of what `of_each_process` brought together.

    Raises:
        ConfigError: it was brought together by another number of processes.
    """
    if len(states) != num_processes():
        saved, here = len(states), num_processes()
        how = f"by torchrun --nproc-per-node {saved}" if saved > 1 else "without it"
        raise ConfigError(
            f"{what} was saved by {saved} process{'es' * (saved > 1)}, and here "
            f"{'are' if here > 1 else 'is'} {here}: go on with as many, started {how}."
        )
    return states[rank()]


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


def _on_cpu(state: Any) -> Any:
    """A tree of dicts, lists and tuples, without its devices."""
    if isinstance(state, Tensor):
        return state.cpu()
    if isinstance(state, dict):
        return {key: _on_cpu(x) for key, x in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_on_cpu(x) for x in state)
    return state


def _demand_equal(rows: int, device: torch.device) -> None:
    found = torch.empty(num_processes(), 1, dtype=torch.int64, device=device)
    dist.all_gather(list(found.unbind()), torch.tensor([rows], device=device))
    if len(found.unique()) > 1:
        each = ", ".join(map(str, found.flatten().tolist()))
        raise ValueError(
            f"processes hold {each} rows; give every process equally many, and leave "
            "out the end of the data where it does not divide"
        )
