"""What latents are like without any labels, and what each number tells."""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from ssl_objectives.measure.diagnostics import (
    component_scale,
    effective_rank,
    lidar,
    participation_ratio,
    rankme,
    relative_spread,
    within_share,
)
from ssl_objectives.measure.motion import straightness
from ssl_objectives.measure.units import dead_units, mean_cosine, normality_per_row

ROWS = 4_000  # at most, of whole episodes but for the last

DIAGNOSTICS = {
    "effective_rank": "directions in which latents vary, at most D; 1: one line",
    "rankme": "the same, mean included: RankMe; compare runs of one method only",
    "participation_ratio": "directions that carry the variance; small ones count less",
    "lidar_by_step": "directions that tell time steps apart, against what differs "
    "within a step (LiDAR, class = time step); 1: none",
    "within_episodes": "share of the variance inside episodes; near 0: latents show "
    "only what lasts for an episode, however high their rank",
    "component_scale": "std of a component; 1 where VICReg and SIGReg want it, near 0: "
    "shrunk",
    "relative_spread": "distance from the mean over size; 0: all in one point",
    "mean_cosine": "of two rows; 1: all point the same way",
    "sigreg_per_row": "0: standard normal; 0.40: all are zero; more: too wide, or "
    "off centre",
    "dead_units": "share of components that hardly vary",
    "straightness": "cosine of successive steps along an episode; 1: straight, "
    "-0.5: drawn anew in each row",
    "background_share": "share of the variance that the background explains by itself",
    "dot_share": "share that the dot explains by itself",
}
"""By name, what each is; the last two where a world can show it."""


def diagnose_latents(
    latent: Float32[Tensor, "N D"],
    episode: Int64[Tensor, "N"],
    step: Int64[Tensor, "N"],
) -> dict[str, float]:
    """Every diagnostic that needs no world, of rows that were seen.

    Args:
        latent: of whole episodes, in their order.
        episode: of each row.
        step: how many rows of its episode lie before it.
    """
    latent, episode, step = latent[:ROWS], episode[:ROWS], step[:ROWS]
    # a step that few episodes reach has no spread to be told apart from
    several = step.bincount()[step] > 1
    measured = {
        "effective_rank": effective_rank(latent),
        "rankme": rankme(latent),
        "participation_ratio": participation_ratio(latent),
        "lidar_by_step": lidar(latent[several], step[several])
        if several.any()
        else torch.tensor(torch.nan),
        "within_episodes": within_share(latent, episode),
        "component_scale": component_scale(latent),
        "relative_spread": relative_spread(latent),
        "mean_cosine": mean_cosine(latent),
        "sigreg_per_row": normality_per_row(latent),
        "dead_units": dead_units(latent),
        "straightness": straightness(latent, episode),
    }
    return {k: float(x) for k, x in measured.items()}
