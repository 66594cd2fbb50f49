"""The best of some sampled action sequences."""

import torch
from jaxtyping import Float32, Shaped
from torch import Tensor


def elites(
    action: Shaped[Tensor, "H B N ..."], cost: Float32[Tensor, "B N"], num: int
) -> Shaped[Tensor, "H B E ..."]:
    """The `num` sequences of least cost of each env, the best one first."""
    best = cost.topk(num, dim=1, largest=False, sorted=True).indices
    index = best.view(1, *best.shape, *[1] * (action.dim() - 3))
    wanted = (action.shape[0], *best.shape, *action.shape[3:])
    return torch.gather(action, 2, index.expand(wanted))
