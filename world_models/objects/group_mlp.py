"""An MLP for each group, all of them in one product."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn


@final
class GroupMlp(nn.Module):
    """`W_g,l relu(… relu(W_g,1 x_g + c_g,1) …) + c_g,l` for every group g.

    Args:
        groups: G.
        sizes: numbers that go in, units of the hidden layers, numbers that come out.
        last_gain: what the last layer begins as, times `1/√(its inputs)`; the others
            begin as He et al. have it.
    """

    def __init__(
        self, groups: int, sizes: Sequence[int], last_gain: float = 1.0
    ) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            gain = last_gain if i == len(sizes) - 2 else math.sqrt(2)
            drawn = torch.randn(groups, inputs, outputs)
            self.weights.append(nn.Parameter(drawn * gain / math.sqrt(inputs)))
            self.biases.append(nn.Parameter(torch.zeros(groups, 1, outputs)))

    def forward(self, x: Float32[Tensor, "G N I"]) -> Float32[Tensor, "G N O"]:
        """Each group's rows through its network."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            x = x if i == last else torch.relu(x)
        return x
