"""The pretend device: computes on CPU tensors and refuses what CUDA would refuse.

Real values and real control flow, so that whole training steps run on it. Shown: that
all tensors of an operation lie on one device, as do generators; that results are those
of a CPU; where the host waits, and what it copies, with the line that asked for it.

Not shown: whatever is a GPU's own. There are no kernels and no numbers of theirs, no
streams (and so no races with copies that do not block), no speed and no memory limit.
C++ that goes by device type takes its "meta" branch, and autocast is imitated by a list
(`tests/pretend/cuda.py`). Draws without a generator come from the CPU's.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

from tests.pretend.crossings import INDEXING, Crossing, asking_line, waits
from tests.pretend.tensor import CLAIMED, PretendTensor, held, wrapped

# A CPU tensor without axes may meet a GPU's in element-wise operations (but for some)
# and in a few others.
_TAKING_SCALARS = frozenset(
    {"fill", "fill_", "masked_fill", "masked_fill_", "where", "index_put", "index_put_"}
)
_REFUSING_SCALARS = frozenset(
    {"lerp", "lerp_", "clamp", "clamp_", "clamp_min", "clamp_max"}
)


class PretendDevice(TorchDispatchMode):
    """Runs every operation while it is entered.

    Attributes:
        crossings: since the beginning, or since somebody emptied the list.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.crossings: list[Crossing] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and a guard in each call takes time

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = func.overloadpacket.__name__
        if name == "_to_copy":
            return self._copied(func, args[0], kwargs)
        if name == "copy_":
            return self._overwritten(func, *args, **kwargs)
        tensors = list(_tensors((*args, *kwargs.values())))
        ours = [isinstance(x, PretendTensor) for x in tensors]
        here = there = any(ours)
        if not all(ours):
            self._refuse_mixing(func, name, args, tensors)
        if kwargs.get("device") is not None:
            there = kwargs["device"] == CLAIMED
            kwargs["device"] = torch.device("cpu") if there else kwargs["device"]
        if here and waits(name, args, kwargs):
            self._note("wait", name, args[0])
        out = func(*held(args), **{k: held(v) for k, v in kwargs.items()})
        if not there:
            return out
        if out is None or not func._schema.is_mutable:
            return wrapped(out)
        if name.endswith("_") and torch.Tag.inplace_view not in func.tags:
            return args[0]
        return return_and_correct_aliasing(func, args, kwargs, wrapped(out))

    def _copied(self, func: Any, source: Tensor, kwargs: dict[str, Any]) -> Tensor:
        """`.to()`: another type, layout or device."""
        here, asked = isinstance(source, PretendTensor), kwargs.pop("device", None)
        there = here if asked is None else asked == CLAIMED
        if here != there:
            self._move(source, "_to_copy", there, kwargs.get("non_blocking", False))
        if asked is not None and not there:
            kwargs["device"] = asked
        copied: Tensor = func(held(source), **kwargs)
        return PretendTensor(copied) if there else copied

    def _overwritten(
        self, func: Any, target: Tensor, source: Tensor, non_blocking: bool = False
    ) -> Tensor:
        here, there = (isinstance(x, PretendTensor) for x in (source, target))
        if here != there:
            self._move(source, "copy_", there, non_blocking)
        func(held(target), held(source), non_blocking)
        return target

    def _move(self, source: Tensor, op: str, up: bool, non_blocking: bool) -> None:
        if non_blocking and not up:
            raise RuntimeError(
                "the host would read a copy from the device that has not arrived: "
                "copy without non_blocking, or wait"
            )
        pinned = getattr(source, "pretends_pinned", False)
        kind = "upload" if up else "download"
        self._note(kind, op, source, awaited=not (non_blocking and pinned))

    def _note(self, kind: str, op: str, moved: Tensor, awaited: bool = True) -> None:
        shape = tuple(moved.shape)
        self.crossings.append(Crossing(kind, op, asking_line(), shape, awaited))

    def _refuse_mixing(
        self, func: Any, name: str, args: Sequence[Any], tensors: Sequence[Tensor]
    ) -> None:
        host = [x for x in tensors if not isinstance(x, PretendTensor)]
        if any(x.device == CLAIMED for x in host):
            raise NotImplementedError(f"{func} on values that C++ left out")
        if name in INDEXING and isinstance(args[0], PretendTensor):
            # indices may lie on the host, from where they are sent
            indices = [x for x in host if any(x is y for y in args[1])]
            for x in indices:
                self._note("upload", name, x)
            host = [x for x in host if not any(x is y for y in indices)]
        if not host or len(host) == len(tensors):
            return
        scalars = name in _TAKING_SCALARS or (
            torch.Tag.pointwise in func.tags and name not in _REFUSING_SCALARS
        )
        written = name.endswith("_") and not isinstance(args[0], PretendTensor)
        if written or not scalars or any(x.dim() > 0 for x in host):
            each = [f"{x.device} {list(x.shape)}" for x in tensors]
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two "
                f"devices, cuda:0 and cpu! ({func}, {', '.join(each)})"
            )


def _tensors(tree: Iterable[Any]) -> Iterator[Tensor]:
    for x in tree:
        if isinstance(x, Tensor):
            yield x
        elif isinstance(x, list | tuple):
            yield from _tensors(x)
