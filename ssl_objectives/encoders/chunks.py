"""Runs row-wise networks on CPUs in chunks of rows, each CPU core its own chunk.

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

# Images per pass on a CPU. Their activations stay in cache, and below the size from
# which the C library maps, zeroes and unmaps fresh pages for every tensor: about a
# third faster than 1,024 at once (docs/logbook.md), with the same result.
CPU_CHUNK = 256
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

    On a GPU at once; on a CPU in chunks of at most `CPU_CHUNK` rows, as many of them at
    the same time as PyTorch may use threads. Gradients reach `parameters`, chunk by
    chunk in order, so that a result repeats bit for bit with the same number of
    threads. They can be taken once (no double backward).

    Args:
        function: must not write anything.
        rows: without gradient.
        parameters: all that `function` may train.
    """
    if rows.device.type != "cpu" or not len(rows):
        return function(rows)
    workers = torch.get_num_threads()
    if workers == 1 or len(rows) < LEAST_ROWS * workers:
        if len(rows) <= CPU_CHUNK:
            return function(rows)
        return torch.cat([function(part) for part in rows.split(CPU_CHUNK)])
    trained = [p for p in parameters if p.requires_grad]
    if not (torch.is_grad_enabled() and trained):
        return torch.cat(_spread(function, _parts(rows, workers), workers))
    result: Tensor = _Spread.apply(  # type: ignore[no-untyped-call]  # torch has no types for it
        function, rows, workers, *trained
    )
    return result


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
