"""Memory of networks, before they are made."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")

_STATES_PER_PARAMETER = 4  # value, gradient, and Adam's two moments


def training_bytes(module: nn.Module) -> int:
    """Bytes of a module under Adam: values, gradients, two moments, and buffers.

    Parameters without gradient (targets, frozen networks) count once. The module may
    be built on the `meta` device, which allocates nothing.
    """
    total = sum(x.nbytes for x in module.buffers())
    for x in module.parameters():
        total += x.nbytes * (_STATES_PER_PARAMETER if x.requires_grad else 1)
    return total


def without_memory(build: Callable[[], T]) -> T:
    """Build networks as shapes alone; for real where a part looks at its values.

    What really is wrong is wrong then too. A part may fail in any way on tensors
    without values, and wrap it: an encoder says that the image is too small.
    """
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return build()
        except (NotImplementedError, RuntimeError, ValueError):
            return build()  # for real, and what is really wrong is raised here
