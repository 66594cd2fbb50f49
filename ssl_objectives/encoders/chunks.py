"""Runs row-wise networks in chunks of rows; on CPUs each core its own chunk.

Convolutions of small networks gain little from a second core inside each layer: every
layer ends in a barrier, and each waits for the slower core. Whole chunks on one core
each meet once per batch.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ssl_objectives.encoders.planned import device_meant, taken_at_once, what_is_planned

# Images per pass on a CPU. Their activations stay in cache, and below the size from
# which the C library maps, zeroes and unmaps fresh pages for every tensor: about a
# third faster than 1,024 at once (docs/logbook.md), with the same result.
CPU_CHUNK = 256
# Images per pass on a GPU, where nothing is kept for a way back: enough to occupy any
# GPU, and whole rollouts of thousands of envs take no more memory than these.
GPU_CHUNK = 4096
# Fewer rows than this per core are not worth handing over.
LEAST_ROWS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")
RowWise = Callable[[Tensor], Tensor]


def in_chunks(
    function: RowWise,
    rows: Shaped[Tensor, "N ..."],
    parameters: Iterable[nn.Parameter],
) -> Shaped[Tensor, "N ..."]:
    """Apply a function that treats every row alike and on its own.

    On a GPU at once with gradient, else in chunks of at most `GPU_CHUNK` rows; on a CPU
    in chunks of at most `CPU_CHUNK` rows, as many of them at the same time as PyTorch
    may use threads. Gradients reach `parameters`, chunk by chunk in order, so that a
    result repeats bit for bit with the same number of threads. They can be taken once
    (no double backward). While `torch.export` or an ONNX export looks on, all rows pass
    at once, so that their number may be dynamic.

    Args:
        function: must not write anything.
        rows: without gradient.
        parameters: all that `function` may train.
    """
    if torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export():
        return function(rows)
    # who acts row by row has no gradient, and need not go through all modules
    trained = (
        [p for p in parameters if p.requires_grad] if torch.is_grad_enabled() else []
    )
    remembered = bool(trained)
    if what_is_planned() is not None:
        return _as_planned(function, rows, remembered)
    if rows.device.type != "cpu":
        return function(rows) if remembered else _in_turn(function, rows, GPU_CHUNK)
    workers = torch.get_num_threads()
    if workers == 1 or len(rows) < LEAST_ROWS * workers:
        return _in_turn(function, rows, CPU_CHUNK)
    if not remembered:
        return torch.cat(_spread(function, _parts(rows, workers), workers))
    result: Tensor = _Spread.apply(  # type: ignore[no-untyped-call]  # torch has no types for it
        function, rows, workers, *trained
    )
    return result


def _in_turn(function: RowWise, rows: Tensor, size: int) -> Tensor:
    """Chunks of a size, one after the other."""
    if len(rows) <= size:
        return function(rows)
    return torch.cat([function(part) for part in rows.split(size)])


def _as_planned(function: RowWise, rows: Tensor, remembered: bool) -> Tensor:
    """Hold as much as there will be held, in this thread, where a plan sees it."""
    if remembered and device_meant(rows.device).type != "cpu":
        return function(rows)
    together = CPU_CHUNK * torch.get_num_threads()
    size = taken_at_once(rows.device, together, GPU_CHUNK)
    if remembered:
        return _in_turn(function, rows, size)
    first, *others = rows.split(size)
    made = [function(part) for part in (first, *others[:1])]
    # further chunks hold no more than their results
    shape = made[0].shape[1:]
    made += [made[0].new_zeros(len(part), *shape) for part in others[1:]]
    return torch.cat(made) if others else made[0]


class _Spread(torch.autograd.Function):
    """Chunks on all cores, and their gradients on all cores."""

    @staticmethod
    def forward(
        ctx: Any, function: RowWise, rows: Tensor, workers: int, *trained: Tensor
    ) -> Tensor:
        """Run each chunk with a history of its own."""

        def remembered(part: Tensor) -> Tensor:
            with torch.enable_grad():
                return function(part)

        ctx.parts = _spread(remembered, _parts(rows, workers), workers)
        ctx.trained, ctx.workers = trained, workers
        return torch.cat([x.detach() for x in ctx.parts])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Follow each history back, and add up in the order of the chunks."""
        if ctx.parts is None:
            raise RuntimeError(
                "in_chunks frees its activations in the backward pass; compute the "
                "rows again for another one"
            )
        parts, ctx.parts = ctx.parts, None
        sizes = [len(x) for x in parts]

        def followed(pair: tuple[Tensor, Tensor]) -> tuple[Tensor | None, ...]:
            out, reaching = pair
            if not out.requires_grad:
                return (None,) * len(ctx.trained)
            found: tuple[Tensor | None, ...] = torch.autograd.grad(
                out, ctx.trained, reaching, allow_unused=True
            )
            return found

        pairs = list(zip(parts, gradient.split(sizes), strict=True))
        each = _spread(followed, pairs, ctx.workers)
        return None, None, None, *(_sum(x) for x in zip(*each, strict=True))


def _parts(rows: Tensor, workers: int) -> list[Tensor]:
    """Equal chunks of at most `CPU_CHUNK` rows, as many for each worker."""
    chunks = -(-len(rows) // CPU_CHUNK)
    return list(rows.tensor_split(-(-chunks // workers) * workers))


def _sum(gradients: Sequence[Tensor | None]) -> Tensor | None:
    total: Tensor | None = None
    for x in gradients:
        if x is not None:
            total = x.clone() if total is None else total.add_(x)
    return total


def _spread(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> list[Result]:
    """Map in order, each item on a thread that computes alone.

    Threads inherit the gradient mode alone: autocast belongs inside the function.
    """
    enabled = torch.is_grad_enabled()

    def run(item: Item) -> Result:
        with torch.set_grad_enabled(enabled):
            return function(item)

    return list(_pool(workers).map(run, items))


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Threads that use one core each; made once, all of them at once."""
    ready = threading.Barrier(workers)

    def alone(_: int) -> None:
        torch.get_num_threads()  # PyTorch's own setting for a new thread comes first
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(workers, thread_name_prefix="chunks")
    list(pool.map(alone, range(workers)))
    torch.set_num_threads(workers)  # threads begun later take the latest setting
    return pool


# A forked process has the pool, but none of its threads.
os.register_at_fork(after_in_child=_pool.cache_clear)
