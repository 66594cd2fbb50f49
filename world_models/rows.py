"""A network of rows, over any leading axes."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn


@final
class OverRows(nn.Module):
    """Applies a network of rows `[N, I]`, such as a batch norm, to `[*batch, I]`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Float[Tensor, "*batch I"]) -> Float[Tensor, "*batch O"]:
        """All axes but the last are one axis of rows meanwhile."""
        rows: Tensor = self.network(x.flatten(0, -2))
        return rows.view(*x.shape[:-1], rows.shape[-1])
