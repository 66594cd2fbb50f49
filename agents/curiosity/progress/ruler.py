"""Brings features to one scale, by what they were like at first."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from ssl_objectives.distributed import sum_over_processes

_MOST = 5.0  # standard deviations
_LEAST = 1e-3  # a feature that never changed is not divided by nothing


@final
class Ruler(nn.Module):
    """`clip((x - mean) / std, ±5)`, each feature by all rows it was shown.

    Args:
        shape: of features in a row: F, or G groups of F, of which rows may show some.
    """

    def __init__(self, *shape: int) -> None:
        super().__init__()
        for name in ("total", "squares"):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("count", torch.zeros(shape[:-1], dtype=torch.float64))
        self.total: Tensor
        self.squares: Tensor
        self.count: Tensor

    @torch.no_grad()
    def watch(
        self, rows: Float32[Tensor, "T B *G F"], shown: Bool[Tensor, "T B *G"]
    ) -> None:
        """Add the rows, or groups of rows, that are shown, in all processes."""
        kept = rows.double() * shown.unsqueeze(-1)
        self.total += sum_over_processes(kept.sum((0, 1)))
        self.squares += sum_over_processes(kept.square().sum((0, 1)))
        self.count += sum_over_processes(shown.double().sum((0, 1)))

    def forward(self, rows: Float32[Tensor, "T B *G F"]) -> Float32[Tensor, "T B *G F"]:
        """Standardise; of what was never shown rows are only clipped."""
        count = self.count.clamp(min=1.0).unsqueeze(-1)
        mean = self.total / count
        std = (self.squares / count - mean.square()).clamp(min=0.0).sqrt()
        std = std.clamp(min=_LEAST).where(self.count.unsqueeze(-1) > 0, 1.0)
        return ((rows - mean.float()) / std.float()).clamp(-_MOST, _MOST)
