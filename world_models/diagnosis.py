"""What latents look like to somebody who asks whether they have collapsed."""

import torch
from jaxtyping import Float32
from torch import Tensor

from ssl_objectives.measure.diagnostics import (
    component_scale,
    effective_rank,
    relative_spread,
)

MOST_ROWS = 1024
"""latents that a diagnosis looks at, evenly spread over those it is given"""


@torch.no_grad()
def diagnosis(latent: Float32[Tensor, "R B D"]) -> dict[str, Float32[Tensor, ""]]:
    """`world_model/…`: directions, relative spread and absolute scale of latents.

    None sees what the others see: the rank looks at directions alone, the spread at
    distances from a point, as a share; latents that all shrink change only the scale.
    """
    rows = latent.flatten(0, 1)
    rows = rows[:: -(-len(rows) // MOST_ROWS)]
    return {
        "world_model/effective_rank": effective_rank(rows),
        "world_model/latent_spread": relative_spread(rows),
        "world_model/latent_scale": component_scale(rows),
    }
