"""Constant tensors, cached on their device."""

from functools import cache
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor


@cache
def constant(
    values: tuple[Any, ...],
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Shaped[Tensor, "..."]:
    """`torch.tensor(values)`; the same tensor for equal arguments, never to be written.

    A GPU is sent such numbers in a copy that the host waits for, and with it for all
    that the GPU was asked before.
    """
    with torch.inference_mode(False):  # it will be used where gradients are taken
        return torch.tensor(values, device=device, dtype=dtype)
