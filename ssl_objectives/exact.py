"""Computes as if no autocast were on: losses are exact, whatever networks run in."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

_KINDS = ("cpu", "cuda", "xpu", "mps")

P = ParamSpec("P")
R = TypeVar("R")


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, with the caller's `torch.autocast` off inside.

    Autocast computes products in the low format even where their factors were raised to
    float32 on purpose: sums of squares overflow float16, and near an optimum, where
    differences of large numbers are left, bfloat16 gradients point elsewhere.
    """

    @wraps(function)
    def computed(*args: P.args, **kwargs: P.kwargs) -> R:
        for kind in _KINDS:
            if torch.is_autocast_enabled(kind):
                with torch.autocast(kind, enabled=False):
                    return computed(*args, **kwargs)  # there may be another
        return function(*args, **kwargs)

    return computed
