"""Projector of linear layers alone, whose training favours low rank (IRMAE)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.counts import check_count


class Stack(nn.Module):
    """Square linear layers without biases, in PyTorch's default start.

    That start, `U(-1/√n, 1/√n)`, makes every layer a contraction, and gradient descent
    on the product then prefers low ranks: with another start, or with normalised
    weights, it does not (arXiv 2010.00679).

    Args:
        size: n, numbers in a row.
        layers: how many; 0 is the identity.
    """

    def __init__(self, size: int, layers: int) -> None:
        super().__init__()
        self.size = size
        self.layers = nn.Sequential(
            *(nn.Linear(size, size, bias=False) for _ in range(layers))
        )

    def forward(self, rows: Float[Tensor, "*N D"]) -> Float[Tensor, "*N D"]:
        """One layer after another."""
        made: Tensor = self.layers(rows)
        return made

    @torch.no_grad()
    def product(self) -> Float[Tensor, "D D"]:
        """The one matrix M that does the same, `x Mᵀ`: for use after training."""
        weights = list(self.layers.parameters())
        if not weights:
            return torch.eye(self.size)
        whole = weights[0].detach()
        for weight in weights[1:]:
            whole = weight @ whole
        return whole


@dataclass(frozen=True)
class LinearStack:
    """A head of square linear layers: IRMAE's bottleneck (arXiv 2010.00679)."""

    layers: int = 8
    """how many; the more, the lower the rank. 0: none"""

    def __post_init__(self) -> None:
        check_count("layers", self.layers, least=0)

    def outputs(self, inputs: int) -> int:
        """As many as come in."""
        return inputs

    def build(self, inputs: int) -> Stack:
        """Build it for rows of `inputs` numbers."""
        return Stack(inputs, self.layers)
