"""Components of a latent that say nothing, and how much of it all rows share."""

import torch
from jaxtyping import Float
from torch import Tensor

from ssl_objectives.methods.moments.sigreg import epps_pulley
from ssl_objectives.parts.critics import unit

DEAD = 1e-3  # of the std that components have together
_SEED = 0


@torch.no_grad()
def dead_units(rows: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """The share of components whose std is below a thousandth of all components'.

    Of all components together the root mean square counts; where nothing varies, all
    are dead.
    """
    std = rows.double().std(0, correction=0)
    whole = std.square().mean().sqrt()
    rounding = 4 * torch.finfo(rows.dtype).eps * rows.double().abs().amax(0)
    return ((std <= DEAD * whole) | (std <= rounding)).float().mean()


@torch.no_grad()
def mean_cosine(rows: Float[Tensor, "N D"]) -> Float[Tensor, ""]:
    """The mean cosine of two different rows: 1 where all point the same way."""
    x = unit(rows.double())
    total, count = x.sum(0).square().sum(), len(x)
    own = x.square().sum()
    mean: Tensor = ((total - own) / (count * (count - 1))).float()
    return mean


@torch.no_grad()
def normality_per_row(
    rows: Float[Tensor, "N D"], directions: int = 256
) -> Float[Tensor, ""]:
    """SIGReg's statistic over N, along random directions (arXiv 2511.08544).

    About 0 (1.06 / N) where latents are standard normal; 0.40 where all are zero, which
    is the signature of a collapse; towards 1.26 the wider they lie, and more where they
    lie far from 0.
    """
    generator = torch.Generator().manual_seed(_SEED)
    drawn = torch.randn(rows.shape[1], directions, generator=generator)
    axes = torch.nn.functional.normalize(drawn, dim=0).to(rows)
    mean: Tensor = epps_pulley(rows @ axes).mean() / len(rows)
    return mean
