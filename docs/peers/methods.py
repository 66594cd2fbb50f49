"""Our objectives and lightly's on the same random rows, over several steps."""

from collections.abc import Iterator
from typing import Any

import torch
from peers.lightly_losses import loss
from torch import Tensor

from ssl_objectives.methods.clusters.dino import Dino
from ssl_objectives.methods.moments.tico import TiCo
from ssl_objectives.objective import Views

ROWS, SIZE, STEPS = 12, 16, 5


def methods() -> Iterator[dict[str, Any]]:
    """Each pair, with the largest difference of losses and of gradients."""
    yield told("TiCo, one direction, five steps", "TiCoLoss", *tico())
    yield told("DINO, two crops of three, five steps", "DINOLoss", *dino())


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


def dino() -> tuple[list[Tensor], list[Tensor]]:
    """Losses, gradients of the crops, and the centre, which follows."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    ours = Dino(SIZE, prototypes=20).double()
    theirs = loss("dino_loss", "DINOLoss")(20, teacher_temp=0.04).double()
    one, two = [], []
    for _ in range(STEPS):
        z = rows(generator, 3, ROWS, SIZE).requires_grad_()
        t = rows(generator, 2, ROWS, SIZE)
        pairs = ((0, 1), (1, 0), (2, 0), (2, 1))
        views = Views(tuple(z), tuple(z), (*t, None), pairs)
        mine = ours(views).mean()
        said = [ours.copy.network(x) for x in t]
        other = theirs(said, [ours.prototypes(x) for x in z])
        ours.observe(views)
        one += [mine.detach(), *torch.autograd.grad(mine, z), ours.center.clone()]
        two += [other.detach(), *torch.autograd.grad(other, z)]
        two += [theirs.center.flatten().clone()]
    return one, two
