"""torch.compile of a whole network, chains of torch's own layers included."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def compile_whole(network: nn.Module, **options: Any) -> None:
    """Compile a network in its place; names of weights stay, and copies are plain.

    `network.compile()` begins at a frame of torch's own, which the compiler leaves
    out: of an `nn.Sequential` it would compile such layers alone as are not torch's,
    each by itself, and often none. It begins at a frame of ours here.

    Args:
        network: its calls are compiled, those behind its methods are not.
        options: what `torch.compile` takes.
    """
    call: Callable[..., Any] = network._call_impl

    def whole(*given: Any, **named: Any) -> Any:
        return call(*given, **named)

    network._compiled_call_impl = torch.compile(whole, **options)
