"""A tensor that says it lies on `cuda:0` and holds its values in the CPU's memory.

To the C++ of PyTorch it is of device `meta:0`, for which autograd needs no driver, and
to Python of `cuda:0`. What C++ decides by device type is decided as for "meta".
"""

from typing import Any

import torch
from torch import Tensor

SEEN = torch.device("cuda", 0)  # by Python
CLAIMED = torch.device("meta", 0)  # to C++; a "meta" without number is PyTorch's own


class PretendTensor(Tensor):
    """A tensor of the pretend device.

    Args:
        held: its values, an ordinary tensor; a view holds a view.
    """

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> "PretendTensor":
        made: PretendTensor = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=CLAIMED,
        )
        made.held = held
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return SEEN

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True

    @property
    def is_cpu(self) -> bool:  # type: ignore[override]
        return False

    @property
    def is_meta(self) -> bool:  # type: ignore[override]
        return False

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"pretend {self.held!r}"

    # with these two, nn.Module.to swaps parameters, which stay the same objects
    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(
        inner: dict[str, Tensor], _: None, size: Any, stride: Any
    ) -> "PretendTensor":
        return PretendTensor(inner["held"])

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        raise RuntimeError(f"{func} on a pretend tensor, outside of pretend_cuda()")


class PretendGenerator(torch.Generator):
    """A generator of the pretend device; its numbers are those of a CPU's."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return SEEN


def held(x: Any) -> Any:
    """Ordinary tensors for pretend ones, through lists and tuples."""
    if isinstance(x, list | tuple):
        return type(x)([held(y) for y in x])
    return x.held if isinstance(x, PretendTensor) else x


def wrapped(x: Any) -> Any:
    """Pretend tensors for ordinary ones, through lists and tuples."""
    if isinstance(x, list | tuple):
        return type(x)([wrapped(y) for y in x])
    if not isinstance(x, Tensor):
        return x
    # PyTorch resolves lazy conjugation before it asks a mode, and not again inside
    return PretendTensor(x.resolve_conj().resolve_neg())
