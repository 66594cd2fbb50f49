"""Mixed precision: whether encoders compute in bf16 or float32."""

from enum import Enum
from typing import TYPE_CHECKING

from ssl_objectives.encoders.planned import device_meant, what_is_planned

if TYPE_CHECKING:
    import torch


class Precision(Enum):
    """Number format of an encoder, and of products behind it (`MixedLinear`)."""

    AUTO = "auto"
    """bf16 where the hardware multiplies it fast, else float32"""
    FLOAT32 = "float32"
    BFLOAT16 = "bf16"

    def dtype(self, device: "torch.device") -> "torch.dtype":
        """Number format of convolutions on `device`, or on the one planned for."""
        import torch  # configs name formats where nothing is computed

        device = device_meant(device)
        low = self is Precision.BFLOAT16
        if self is Precision.AUTO:
            low = (
                torch.cuda.is_bf16_supported(including_emulation=False)
                if device.type == "cuda"
                else torch.cpu._is_avx512_bf16_supported()
            )
        return torch.bfloat16 if low else torch.float32

    def autocast(self, device: "torch.device") -> "torch.autocast":
        """Context in which layers compute in this format; weights stay float32."""
        import torch

        low = self.dtype(device) is torch.bfloat16
        # a plan's shapes have no autocast of their own, and its values lie on a CPU
        kind = device.type if what_is_planned() is None else "cpu"
        return torch.autocast(kind, torch.bfloat16, enabled=low)
