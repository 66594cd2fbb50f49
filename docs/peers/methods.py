"""Our objectives and lightly's on the same random rows, over several steps."""

from collections.abc import Iterator
from typing import Any

import torch
from peers.lightly_losses import loss
from torch import Tensor

from ssl_objectives.methods.moments.tico import TiCo
from ssl_objectives.objective import Views

ROWS, SIZE, STEPS = 12, 16, 5


def methods() -> Iterator[dict[str, Any]]:
    """Each pair, with the largest difference of losses and of gradients."""
    yield told("TiCo, one direction, five steps", "TiCoLoss", *tico())


def told(
    ours: str, theirs: str, one: list[Tensor], two: list[Tensor]
) -> dict[str, Any]:
    """Numbers that should be the same, each as a share of the largest of its kind."""
    apart = max(
        ((a - b).abs().max() / b.abs().max()).item()
        for a, b in zip(one, two, strict=True)
    )
    return {"ours": ours, "theirs": f"lightly's `{theirs}`", "apart": apart}


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def tico() -> tuple[list[Tensor], list[Tensor]]:
    """Losses and gradients, with a covariance that begins at 0 and follows."""
    generator = torch.Generator().manual_seed(0)
    ours, theirs = TiCo(SIZE).double(), loss("tico_loss", "TiCoLoss")()
    one, two = [], []
    for _ in range(STEPS):
        z, t = rows(generator, 2, ROWS, SIZE)
        z.requires_grad_()
        views = Views((z, None), (z, None), (None, t), ((0, 1),))
        mine = ours(views).mean()
        ours.observe(views)
        other = theirs(z, t)
        one += [mine.detach(), *torch.autograd.grad(mine, z)]
        two += [other.detach(), *torch.autograd.grad(other, z)]
    return one, two
