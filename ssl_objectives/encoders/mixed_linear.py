"""A linear layer whose product may run in bf16, between numbers that stay float32."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssl_objectives.encoders.precision import Precision


@final
class MixedLinear(nn.Linear):
    """`x Wᵀ + b`: the product in bf16 where `precision` says so, all else in float32.

    What is multiplied is rounded to eight bits, sums are kept in float32. So the
    gradient points where float32's does; hidden units, sums over steps and losses in
    bf16 would turn it round.

    Args:
        inputs, outputs: as of `nn.Linear`, whose initial weights it has.
        precision: of the product.
    """

    def __init__(
        self, inputs: int, outputs: int, precision: Precision = Precision.FLOAT32
    ) -> None:
        super().__init__(inputs, outputs)
        self.precision = precision

    def forward(self, input: Float[Tensor, "*batch I"]) -> Float[Tensor, "*batch O"]:
        """Apply to rows."""
        low = self.precision.dtype(input.device)
        if low is torch.float32:
            return nn.functional.linear(input, self.weight, self.bias)
        rows = nn.functional.linear(input.to(low), self.weight.to(low))
        return rows.float() + self.bias
