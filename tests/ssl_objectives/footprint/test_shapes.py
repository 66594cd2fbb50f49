"""What is remembered of an operation is what PyTorch says of it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ssl_objectives.footprint.shapes import KnownShapes

aten = torch.ops.aten


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def form(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x.shape, x.stride(), x.dtype, x.device
    return [form(each) for each in x] if isinstance(x, list | tuple) else x


CALLS: dict[str, Callable[[], tuple[Any, tuple[Any, ...], dict[str, Any]]]] = {
    "broadcast": lambda: (aten.mul.Tensor, (meta(3, 1), meta(4)), {}),
    "transposed": lambda: (aten.add.Tensor, (meta(3, 4).t(), meta(4, 3)), {}),
    "other strides": lambda: (aten.add.Tensor, (meta(4, 3), meta(4, 3)), {}),
    "whole number": lambda: (aten.mul.Tensor, (meta(2, dtype=torch.int64), 1), {}),
    "real number": lambda: (aten.mul.Tensor, (meta(2, dtype=torch.int64), 1.0), {}),
    "truth": lambda: (aten.add.Tensor, (meta(2, dtype=torch.bool), True), {}),
    "list": lambda: (aten.cat.default, ([meta(2, 3), meta(4, 3)],), {}),
    "another list": lambda: (aten.cat.default, ([meta(2, 3), meta(5, 3)],), {}),
    "several results": lambda: (
        aten.max_pool2d_with_indices.default,
        (meta(2, 3, 8, 8).contiguous(memory_format=torch.channels_last), [2, 2]),
        {},
    ),
    "keywords": lambda: (
        aten._to_copy.default,
        (meta(5),),
        {"dtype": torch.bfloat16},
    ),
    "other keywords": lambda: (
        aten._to_copy.default,
        (meta(5),),
        {"dtype": torch.float64},
    ),
    "view": lambda: (aten.view.default, (meta(6), [2, 3]), {}),
    "several views": lambda: (aten.split.Tensor, (meta(6), 4), {}),
}


def test_results_are_those_of_pytorch_the_first_time_and_later() -> None:
    shapes = KnownShapes()
    for _ in range(3):
        for name, call in CALLS.items():
            func, args, kwargs = call()
            wanted = form(func(*args, **kwargs))
            assert form(shapes.run(func, args, kwargs)) == wanted, name


def test_the_usual_number_format_is_part_of_what_is_asked() -> None:
    """A new tensor without a format of its own has the one that is usual then."""
    shapes = KnownShapes()
    call = aten.ones.default, ([3],), {"device": torch.device("meta")}
    try:
        for dtype in (torch.float32, torch.float64, torch.float32):
            torch.set_default_dtype(dtype)
            assert shapes.run(*call).dtype == dtype
    finally:
        torch.set_default_dtype(torch.float32)


def test_what_is_written_is_returned_itself() -> None:
    shapes = KnownShapes()
    for _ in range(3):
        x, y, out = meta(3, 4), meta(4), meta(3, 4)
        assert shapes.run(aten.mul_.Tensor, (x, y), {}) is x
        assert shapes.run(aten.add.out, (x, y), {"out": out}) is out
        small = meta(0)  # takes another shape on its way: never remembered
        made = shapes.run(aten.add.out, (x, y), {"out": small})
        assert made.shape == small.shape == (3, 4)
        wide = meta(1, 4)
        assert shapes.run(aten.squeeze_.dim, (wide, 0), {}) is wide
        assert wide.shape == (4,)


def test_values_are_computed_every_time() -> None:
    shapes = KnownShapes()
    for i in range(3):
        x = torch.full((2,), float(i))
        assert torch.equal(shapes.run(aten.add.Tensor, (x, 1), {}), x + 1)
        shapes.run(aten.mul_.Tensor, (x, 2), {})
        assert torch.equal(x, torch.full((2,), 2.0 * i))
        drawn = [shapes.run(aten.rand.default, ([3],), {}) for _ in range(2)]
        assert not torch.equal(*drawn)


def test_what_cannot_be_says_so_every_time() -> None:
    shapes = KnownShapes()
    for _ in range(3):
        with pytest.raises(RuntimeError):
            shapes.run(aten.add.Tensor, (meta(3), meta(4)), {})
