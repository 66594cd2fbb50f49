"""Loops without checks of shapes, which are most of the time of training a toy."""

from collections.abc import Iterator

import jaxtyping


def rounds(num: int, checked: int = 3) -> Iterator[int]:
    """Like `range(num)`; shapes are checked in the first few rounds alone.

    For loops whose later rounds have the shapes of the first ones. What is left by an
    error is checked again in the next test (`tests/conftest.py`).
    """
    before = jaxtyping.config.jaxtyping_disable
    try:
        for i in range(num):
            if i == checked:
                jaxtyping.config.update("jaxtyping_disable", True)
            yield i
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
