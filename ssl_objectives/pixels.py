"""Images are bytes, 0 to 255; whoever has others is told how to make bytes of them.

Floats in [0, 1] would be divided by 255 once more and be black, 16 bits would be cut
off at 255, and training on either would go on without a word.
"""

from typing import Any

import torch
from torch import Tensor

from ssl_objectives.conversion import as_bytes
from ssl_objectives.refusal import Refusal


class NotBytes(Refusal, ValueError):
    """Images of other numbers than bytes; the message says how to convert them."""


def check_bytes(images: Any, who: str) -> None:
    """Pass if images are a tensor of bytes.

    Args:
        images: whatever was given.
        who: takes them, for the message ("this encoder").

    Raises:
        NotBytes: they are none.
    """
    if isinstance(images, Tensor) and images.dtype == torch.uint8:
        return
    given, tensor = type(images).__name__, "images"
    dtype = getattr(images, "dtype", None)
    if dtype is not None:
        given = f"{given} of {dtype}"
    if not isinstance(images, Tensor):
        tensor = "torch.as_tensor(images)"
    raise NotBytes(
        f"{who} takes torch tensors of bytes (uint8, 0 to 255; whoever needs floats "
        f"divides by 255), not a {given}. {as_bytes(dtype, tensor)}"
    )
