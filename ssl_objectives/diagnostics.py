"""Is a representation alive? Measures over rows of latents."""

import torch
from jaxtyping import Float, Float32
from torch import Tensor


def effective_rank(rows: Float[Tensor, "N D"]) -> Float32[Tensor, ""]:
    """RankMe (arXiv 2210.02885): `exp(-Σ p_i log p_i)`, `p = σ / Σ σ`.

    σ are the singular values of the centred rows (the paper does not centre; a constant
    offset would then hide collapse). Between 1 and min(N, D); 1 where all rows agree.
    """
    values = torch.linalg.svdvals((rows - rows.mean(0)).float())
    share = values / values.sum().clamp(min=1e-12)
    entropy = -(share * share.clamp(min=1e-12).log()).sum()
    rank: Tensor = entropy.exp()
    return rank
