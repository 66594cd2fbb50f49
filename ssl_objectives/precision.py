"""How encoders compute: number format, and how many images at once."""

from collections.abc import Callable
from enum import Enum

import torch
from jaxtyping import Shaped
from torch import Tensor

# Images per pass on a CPU. Their activations stay in cache, and below the size from
# which the C library maps, zeroes and unmaps fresh pages for every tensor: about a
# third faster than 1,024 at once (docs/logbook.md), with the same result.
CPU_CHUNK = 256


class Precision(Enum):
    """What an encoder computes in; nothing behind an encoder ever runs in bf16."""

    AUTO = "auto"
    """bf16 where the hardware multiplies it fast, else float32"""
    FLOAT32 = "float32"
    BFLOAT16 = "bf16"

    def dtype(self, device: torch.device) -> torch.dtype:
        """Number format of convolutions on `device`."""
        low = self is Precision.BFLOAT16
        if self is Precision.AUTO:
            low = (
                torch.cuda.is_bf16_supported(including_emulation=False)
                if device.type == "cuda"
                else torch.cpu._is_avx512_bf16_supported()
            )
        return torch.bfloat16 if low else torch.float32

    def autocast(self, device: torch.device) -> torch.autocast:
        """Context in which layers compute in this format; weights stay float32."""
        low = self.dtype(device) is torch.bfloat16
        return torch.autocast(device.type, torch.bfloat16, enabled=low)


def in_chunks(
    function: Callable[[Tensor], Tensor], rows: Shaped[Tensor, "N ..."]
) -> Shaped[Tensor, "N ..."]:
    """Apply a row-wise function; on a CPU, to `CPU_CHUNK` rows at a time."""
    if rows.device.type != "cpu" or len(rows) <= CPU_CHUNK:
        return function(rows)
    return torch.cat([function(part) for part in rows.split(CPU_CHUNK)])
