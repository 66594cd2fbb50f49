"""Memory of networks, before they are made: parameters, activations, tensors."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeVar

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from ssl_objectives.encoders.encoder import Encoder

T = TypeVar("T")

_STATES_PER_PARAMETER = 4  # value, gradient, and Adam's two moments


def tensor_bytes(shape: Sequence[int], dtype: torch.dtype) -> int:
    """Bytes of one tensor."""
    return prod(shape) * dtype.itemsize


def training_bytes(module: nn.Module) -> int:
    """Bytes of a module under Adam: values, gradients, two moments, and buffers.

    Parameters without gradient (targets, frozen networks) count once. The module may
    be built on the `meta` device, which allocates nothing.
    """
    total = sum(x.nbytes for x in module.buffers())
    for x in module.parameters():
        total += x.nbytes * (_STATES_PER_PARAMETER if x.requires_grad else 1)
    return total


def activation_bytes(encoder: Encoder, device: torch.device) -> int:
    """Bytes of everything a body computes for one image, in the encoder's format.

    One image is passed through, where the body lies: on the `meta` device without any
    memory. So bodies from outside are counted like ours, whatever they are made of.
    """
    place = next((x.device for x in encoder.parameters()), torch.device("cpu"))
    image = torch.zeros(1, *encoder.image_shape, device=place)
    with torch.no_grad(), _Counting() as counting:
        encoder.body(image)
    numbers: int = counting.numbers + image.numel() + encoder.size
    return numbers * encoder.precision.dtype(device).itemsize


class _Counting(TorchDispatchMode):
    """Counts the numbers in all new tensors; views and in-place results are not new."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types for it
        self.numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        results = result if isinstance(result, tuple | list) else (result,)
        for x, declared in zip(results, func._schema.returns, strict=False):
            if isinstance(x, torch.Tensor) and declared.alias_info is None:
                self.numbers += x.numel()
        return result


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
