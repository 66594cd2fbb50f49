"""How latents move along an episode."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@torch.no_grad()
def straightness(
    rows: Float[Tensor, "N D"], group: Int64[Tensor, "N"]
) -> Float[Tensor, ""]:
    """`E cos(z_{t+1} - z_t, z_{t+2} - z_{t+1})`: how straight the paths of latents are.

    1 where each goes on in its direction, 0 where every step has another, -0.5 of
    latents that are drawn anew in each row (Hénaff et al. 2019, as a mean of cosines
    instead of angles; LeWorldModel, arXiv 2603.19312). Steps without length do not
    count; NaN where none counts.

    Args:
        rows: in their order.
        group: the episode of each row, whose rows lie together.
    """
    x = rows if rows.dtype == torch.float64 else rows.float()
    step = x[1:] - x[:-1]
    inside = group[1:] == group[:-1]
    here, there = step[:-1], step[1:]
    size = here.norm(dim=-1) * there.norm(dim=-1)
    counts = inside[:-1] & inside[1:] & (size > 0)
    cosine = (here * there).sum(-1)[counts] / size[counts]
    mean: Tensor = cosine.mean()
    return mean
