"""Signatures are checked once for equal shapes, and then for all others."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import jaxtyping
import numpy as np
import pytest
import torch
from beartype import beartype
from jaxtyping import Float32, Shaped, TypeCheckError
from torch import Tensor

from ssl_objectives.views.augment.geometry import flip
from tests.checked import once

checked = once(typechecker=beartype)


@checked
def joined(
    one: Float32[Tensor, "B D"], other: Float32[Tensor, "B E"], wrong: int = 0
) -> Float32[Tensor, "B F"]:
    """B by B, unless told to go wrong."""
    out = torch.cat([one, other], 1)
    return out.double() if wrong == 1 else out[1:] if wrong == 2 else out


@checked
def summed(parts: Sequence[Float32[Tensor, "D"]], **more: Float32[Tensor, "D"]) -> Any:
    return sum([*parts, *more.values()])


@checked
def counted(parts: Iterable[int]) -> Iterator[int]:
    return iter(list(parts))


@checked
def named(kind: Literal["a", "b"], size: int, of: Shaped[Tensor, "{size}"]) -> "Kept":  # noqa: F821
    return Kept(kind)


class Kept:
    def __init__(self, kind: str) -> None:
        self.kind = kind


def test_what_fits_is_returned_however_often() -> None:
    for rows in (2, 2, 3, 2, 3):
        one, other = torch.rand(rows, 3), torch.rand(rows, 1)
        assert torch.equal(joined(one, other), torch.cat([one, other], 1))
        assert joined(one, other=other).shape == (rows, 4)
    assert [list(counted([1, 2])) for _ in range(3)] == [[1, 2]] * 3
    assert named("a", 2, torch.zeros(2)).kind == "a"


@pytest.mark.parametrize(
    "other",
    [
        torch.zeros(3, 1),
        torch.zeros(2, 1).double(),
        torch.zeros(2, 1, 1),
        torch.zeros(2),
        np.zeros((2, 1), np.float32),
        None,
    ],
)
def test_arguments_of_another_kind_are_told(other: Any) -> None:
    fits = torch.zeros(2, 3), torch.zeros(2, 1)
    for _ in range(2):
        joined(*fits)
        with pytest.raises(TypeCheckError, match="parameters of"):
            joined(fits[0], other)
    with pytest.raises(TypeCheckError):
        joined(*fits, wrong="no")


@pytest.mark.parametrize("wrong", [1, 2])
def test_results_are_told_too_though_the_arguments_are_known(wrong: int) -> None:
    """They are of one kind with those whose result was right."""
    fits = torch.zeros(2, 3), torch.zeros(2, 1)
    for _ in range(2):
        assert joined(*fits, wrong=0).shape == (2, 4)
        with pytest.raises(TypeCheckError, match="return value"):
            joined(*fits, wrong=wrong)


def test_what_lies_in_containers_is_looked_at() -> None:
    row = torch.ones(3)
    of_another_type = row.int()
    for parts, wrong in (
        ([row, row], [of_another_type]),
        ((row,), (of_another_type,)),
        ([row], [of_another_type]),
    ):
        summed(parts)
        summed(parts, more=row)
        with pytest.raises(TypeCheckError):
            summed(parts, more=row[1:])
        with pytest.raises(TypeCheckError):
            summed(wrong)


def test_values_that_a_signature_names_are_looked_at() -> None:
    for _ in range(2):
        named("b", 3, torch.zeros(3))
        with pytest.raises(TypeCheckError):
            named("b", 2, torch.zeros(3))
        with pytest.raises(TypeCheckError):
            named("c", 3, torch.zeros(3))


def test_functions_inside_functions_are_checked() -> None:
    def outer(power: int) -> Any:
        @checked
        def inner(x: Float32[Tensor, "D"]) -> Float32[Tensor, "D"]:
            return x**power

        return inner

    assert [float(outer(p)(torch.full((1,), 3.0))) for p in (1, 2)] == [3, 9]
    with pytest.raises(TypeCheckError):
        outer(3)(torch.zeros(1).int())


def test_a_known_function_calls_itself_and_is_not_called_to_check_it() -> None:
    calls = []

    @checked
    def halved(x: Float32[Tensor, "..."]) -> Float32[Tensor, "..."]:
        calls.append(len(x))
        return x if len(x) == 1 else halved(x[::2])

    assert [len(halved(torch.zeros(n))) for n in (8, 8, 4)] == [1, 1, 1]
    assert calls == [8, 4, 2, 1, 8, 4, 2, 1, 4, 2, 1]


def test_this_checks_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    views = torch.zeros(2, 1, 1, 4, 4)
    flip(views, torch.ones(2) > 0)
    with pytest.raises(TypeCheckError):
        flip(views, torch.ones(2))
    assert jaxtyping.jaxtyped is once
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    assert joined(torch.zeros(2, 3), torch.zeros(2, 1), wrong=2).shape == (1, 4)
