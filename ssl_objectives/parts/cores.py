"""Loss cores: equations over rows, without state."""

import torch
from jaxtyping import Float
from torch import Tensor


def normalized_regression(
    prediction: Float[Tensor, "*G N D"], target: Float[Tensor, "*G N D"]
) -> Float[Tensor, "*G N"]:
    """`‖ p/‖p‖ - t/‖t‖ ‖² = 2 - 2 cos(p, t)`, one value per row; t gets no gradient."""
    return 2 - 2 * torch.nn.functional.cosine_similarity(
        prediction, target.detach(), dim=-1, eps=1e-8
    )
