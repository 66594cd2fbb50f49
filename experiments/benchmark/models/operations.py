"""How many multiplications and additions a computation makes, by number format.

`torch.utils.flop_counter.FlopCounterMode` counts the same and tells modules apart, but
not formats, and a machine that multiplies bf16 natively is many times faster at it. Its
formulas are for matrix products and convolutions: norms, activations, the optimiser's
arithmetic and attention on a CPU count for nothing, so that what follows from the count
is a bound from below.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


def count_operations(work: Callable[[], object]) -> Mapping[torch.dtype, int]:
    """Do some work once, on one thread, and count what is done.

    On one thread, since a mode of PyTorch is not seen by threads of our own
    (`ssl_objectives/encoders/chunks.py`). What is compiled is not seen either: compile
    afterwards.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _Counting() as counting:
            work()
    finally:
        torch.set_num_threads(threads)
    return dict(counting.found)


class _Counting(TorchDispatchMode):
    """Sees every operation, backward passes included."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.found: Counter[torch.dtype] = Counter()

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.found[_format(out)] += int(formula(*args, **kwargs, out_val=out))
        return out


def _format(out: Any) -> torch.dtype:
    """Of the first tensor; a gradient that nobody asked for is None."""
    tensors = [out] if isinstance(out, Tensor) else out
    return next(x.dtype for x in tensors if isinstance(x, Tensor))
