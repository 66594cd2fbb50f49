"""Copies NumPy arrays to an env's device, through pinned memory for GPUs."""

from typing import Any

import torch
from jaxtyping import Shaped
from numpy.typing import NDArray
from torch import Tensor


def to_device(array: NDArray[Any], device: torch.device) -> Shaped[Tensor, "..."]:
    """A tensor of an array's values; on a CPU it shares the array's memory.

    To a GPU they go from pinned memory, for which the host does not wait.
    """
    host = torch.from_numpy(array)
    if device.type != "cuda":
        return host.to(device)
    return host.pin_memory().to(device, non_blocking=True)
