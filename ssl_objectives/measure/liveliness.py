"""How alive what a network makes of a batch is: rank, spread and scale."""

from jaxtyping import Float
from torch import Tensor

from ssl_objectives.measure.diagnostics import (
    component_scale,
    effective_rank,
    relative_spread,
)

RANK_ROWS = 2048  # embeddings that a rank is measured on, at most
_MEASURES = {
    "effective_rank": effective_rank,
    "spread": relative_spread,
    "scale": component_scale,
}


def liveliness(
    latents: Float[Tensor, "n D"] | None, projections: Float[Tensor, "n P"] | None
) -> dict[str, Float[Tensor, ""]]:
    """Of latents as `encoder/…` and projections as `projection/…`, where they are.

    What an objective keeps alive need not be alive in what is kept of the network.
    """
    looked_at = {"encoder": latents, "projection": projections}
    return {
        f"{where}/{name}": measure(rows)
        for where, x in looked_at.items()
        if x is not None and x.shape[-1] > 1
        # an SVD refuses what is not finite, and the loss will tell
        for rows in [x[:RANK_ROWS].nan_to_num(0.0, 0.0, 0.0)]
        for name, measure in _MEASURES.items()
    }
