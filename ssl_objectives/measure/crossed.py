"""How much of a latent is one thing's, and how much another's: crossed inputs."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class CrossedShares(NamedTuple):
    """Of the latents' variance, each about 0 to 1; they sum to 1 at most.

    Attributes:
        background: what the background explains by itself.
        dot: what the dot explains by itself. The rest takes both to explain.
    """

    background: Float[Tensor, ""]
    dot: Float[Tensor, ""]


@torch.no_grad()
def crossed_shares(latents: Float[Tensor, "dot background N D"]) -> CrossedShares:
    """Shares of two independent causes in the variance of latents.

    `S_bg = tr Cov(z(dot₁, bg), z(dot₂, bg)) / tr Var z`, latents of two dots before one
    background, and `S_dot` likewise of one dot before two: Sobol' indices of first
    order for vectors (Gamboa et al. 2013, arXiv 1311.1797). The mean is that of all
    latents, the covariance that of both pairs together. So an estimate may lie a little
    outside of 0 and 1, by about `1 / √N`; where nothing varies both are 0.

    Args:
        latents: of N drawings of two dots and two backgrounds, each dot before each
            background: `[i, j]` is dot i before background j.

    Raises:
        ValueError: there are not two of each.
    """
    if latents.shape[:2] != (2, 2):
        raise ValueError(
            f"Crossed latents are of two dots before two backgrounds, [2, 2, N, D]; "
            f"these are {list(latents.shape)}"
        )
    z = latents if latents.dtype == torch.float64 else latents.float()
    z = z - z[0, 0, 0]  # exactly 0 where nothing varies, which a mean is not
    z = z - z.mean((0, 1, 2))
    least = torch.finfo(z.dtype).tiny
    z = z / z.abs().max().clamp_min(least)  # the squares of small numbers are 0
    variance = z.square().sum(-1).mean().clamp_min(least)
    background = (z[0] * z[1]).sum(-1).mean()
    dot = (z[:, 0] * z[:, 1]).sum(-1).mean()
    return CrossedShares(background / variance, dot / variance)
