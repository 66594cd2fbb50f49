"""Loops that check shapes in their first rounds alone."""

import pytest
import torch

from ssl_objectives.views.augment.geometry import flip
from tests.shapes import rounds


def is_checked() -> bool:
    try:
        flip(torch.zeros(2, 1, 1, 4, 4), torch.ones(2))  # not bool, which it says it is
    except Exception as error:
        return "Type-check error" in str(error)
    return False


def test_the_first_rounds_are_checked_and_so_is_what_follows() -> None:
    assert [is_checked() for _ in rounds(6, checked=2)] == [True, True] + [False] * 4
    assert is_checked()
    for i in rounds(9, checked=0):
        assert not is_checked()
        if i == 3:
            break
    assert is_checked()
    with pytest.raises(RuntimeError):
        fail_in_the_midst()
    assert is_checked()


def fail_in_the_midst() -> None:
    for i in rounds(9):
        if i == 5:
            raise RuntimeError
