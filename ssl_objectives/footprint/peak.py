"""The most memory that a computation holds, found by following its tensors.

On the `meta` device a computation has shapes and no values: it is followed there
without any memory, gradients included, whatever parts it is made of.
"""

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from ssl_objectives.footprint.shapes import KnownShapes

# What autocast computes in the lower format, and what it takes back to float32.
_LOWERED = frozenset(
    {
        *(F.conv1d, F.conv2d, F.conv3d, F.conv_transpose2d, F.linear),
        *(torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, torch.bmm),
        *(torch.addmm, torch.baddbmm, torch.einsum, F.scaled_dot_product_attention),
    }
)
_RAISED = frozenset(
    {
        *(F.layer_norm, F.group_norm, F.normalize, torch.layer_norm),
        *(F.softmax, torch.softmax, Tensor.softmax, F.log_softmax, torch.log_softmax),
    }
)

_SHAPES = KnownShapes()  # of all computations: the second one of a kind takes less time


def peak_bytes(function: Callable[[], object]) -> int:
    """The most bytes of tensors made by `function` that are held at the same time.

    Counted are results of operations, each storage once, from the moment it is made
    until nobody holds it: not what was there before, and not what an operation takes
    for itself while it runs. Only this thread is followed, with its backward passes.

    Args:
        function: run once. Where its tensors lie on the `meta` device, `torch.autocast`
            for CPUs holds for them as it does for values.
    """
    following = _Following()
    with following, _AsOnDevices():
        function()
    return following.peak


class _Following(TorchDispatchMode):
    """Adds up storages that operations make, and takes away those that are freed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.held = self.peak = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and a guard in each call takes time

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = _SHAPES.run(func, args, kwargs or {})
        results = result if isinstance(result, tuple | list) else (result,)
        returns = func._schema.returns
        for i, x in enumerate(results):
            # a view, or a result in place, has the storage of an argument
            made = returns[min(i, len(returns) - 1)].alias_info is None
            for each in x if isinstance(x, tuple | list) else (x,):
                if made and isinstance(each, Tensor):
                    self._count(each.untyped_storage())
        return result

    def _count(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._known:
            return
        self._known[key] = weakref.ref(storage, partial(self._freed, key, size))
        self.held += size
        self.peak = max(self.peak, self.held)

    def _freed(self, key: int, size: int, _: object) -> None:
        self._known.pop(key, None)
        self.held -= size


class _AsOnDevices(TorchFunctionMode):
    """What devices do, and shapes alone leave undone: autocast, attention in one go.

    Calls inside of other PyTorch functions written in Python are not seen: they stay in
    float32, which takes more.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        lowered = func in _LOWERED
        if (lowered or func in _RAISED) and torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu") if lowered else torch.float32

            def cast(x: Tensor) -> Tensor:
                double = x.dtype == torch.float64
                return x.to(dtype) if x.is_floating_point() and not double else x

            args, kwargs = tree_map_only(Tensor, cast, (args, kwargs))
        plain = func is F.scaled_dot_product_attention and len(args) == 3 and not kwargs
        if plain and args[0].is_meta and args[0].dim() == 4:
            fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
            return fused(*args)[0]  # else all scores of all tokens would be kept
        return func(*args, **kwargs)
