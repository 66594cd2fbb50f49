"""Copies and compares state dicts, for the checks of contracts."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def copied(module: nn.Module) -> dict[str, Any]:
    """A state dict that stays as it is now."""
    state = module.state_dict()
    return {k: _copy(x) for k, x in state.items()}


def unchanged(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> bool:
    """Whether two state dicts hold the same."""
    return before.keys() == after.keys() and all(
        _same(before[k], after[k]) for k in before
    )


def _copy(x: Any) -> Any:
    return x.detach().clone() if isinstance(x, Tensor) else copy.deepcopy(x)


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(two, Tensor):
        return torch.equal(one, two)
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        return unchanged(one, two)
    if isinstance(one, list | tuple) and isinstance(two, list | tuple):
        alike = (_same(a, b) for a, b in zip(one, two, strict=False))
        return len(one) == len(two) and all(alike)
    return bool(one == two)
