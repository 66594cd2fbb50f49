"""Remembers the shapes of results, so that loops over shapes alone take little time.

PyTorch works out many results on the `meta` device in Python: a quarter of a
millisecond each. Loops over time ask the same again in every step.
"""

from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

_META = torch.device("meta")
_OWN = (Tensor, torch.nn.Parameter)


class KnownShapes:
    """Runs operations; on `meta` tensors each combination of shapes only once."""

    def __init__(self) -> None:
        self._known: dict[tuple[Hashable, ...], Any] = {}

    def run(self, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The result of `func`, an operation of ATen."""
        makes, writes = _kind(func)
        if not (makes or writes):
            return func(*args, **kwargs)
        tensors: list[Tensor] = []
        format_ = torch.get_default_dtype()
        key = (func, format_, _described((*args, kwargs), tensors))
        if not all(x.is_meta and type(x) in _OWN for x in tensors):
            return func(*args, **kwargs)
        try:
            known = self._known.get(key)
        except TypeError:  # an argument that cannot be looked up
            return func(*args, **kwargs)
        if known is None:
            return self._learn(key, func, args, kwargs)
        if writes:  # there are no values to be written
            index, name = writes
            return args[index] if index < len(args) else kwargs[name]
        made = [
            torch.empty_strided(shape, stride, dtype=dtype, device=_META)
            for shape, stride, dtype in known
        ]
        return made[0] if len(made) == 1 else tuple(made)

    def _learn(
        self,
        key: tuple[Hashable, ...],
        func: Any,
        args: Sequence[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        result = func(*args, **kwargs)
        results = result if isinstance(result, tuple) else (result,)
        # nothing was resized
        same = key == (*key[:2], _described((*args, kwargs), []))
        if same and all(type(x) in _OWN and x.is_meta for x in results):
            self._known[key] = [(x.shape, x.stride(), x.dtype) for x in results]
        return result


@cache
def _kind(func: Any) -> tuple[bool, tuple[int, str] | None]:
    """Whether an operation does no more than make new tensors; or write to one.

    Of the latter, the place and name of the argument that it writes to and returns.
    """
    schema = func._schema
    tensors = bool(schema.returns) and all(
        str(x.type) == "Tensor" for x in schema.returns
    )
    if not tensors or torch.Tag.inplace_view in func.tags:
        return False, None
    if not schema.is_mutable:
        return all(x.alias_info is None for x in schema.returns), None
    written = [
        (i, x.name)
        for i, x in enumerate(schema.arguments)
        if x.alias_info is not None and x.alias_info.is_write
    ]
    return False, written[0] if len(written) == len(schema.returns) == 1 else None


def _described(x: Any, tensors: list[Tensor]) -> Hashable:
    """An argument, without values; tensors in it are added to `tensors`."""
    if isinstance(x, Tensor):
        tensors.append(x)
        return (x.shape, x.stride(), x.dtype)
    if isinstance(x, list | tuple):
        return tuple(_described(each, tensors) for each in x)
    if isinstance(x, dict):
        return tuple((k, _described(v, tensors)) for k, v in x.items())
    return (type(x), x)  # 1, 1.0 and True are equal
