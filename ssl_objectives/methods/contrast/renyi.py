"""RényiCL: a skew Rényi divergence over whole batches, for strong augmentations."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssl_objectives.objective import Loss, Needs, Objective, Sizes, TargetKind, Views
from ssl_objectives.parts.critics import Cosine, checked_temperature
from ssl_objectives.parts.mutual_information import skew_renyi


class RenyiCl(Objective):
    """RényiCL (arXiv 2208.06270): `skew_renyi` of u = cos(p, t)/τ, over a whole batch.

    `log(α E_own[e^{γu}] + (1-α) E_others[e^{γu}])/γ - log E_own[e^{(γ-1)u}]/(γ-1)`.
    Expectations run over all rows, and over all predictions that meet one target view;
    the sum over target views, as in the official code, whose logged loss is a surrogate
    with the gradient of this one. Batches are judged, not rows: no per-sample term.

    Args:
        temperature: τ.
        gamma: γ.
        alpha: α.
    """

    needs = Needs(views=(2, None), target=TargetKind.EMA, per_sample=False)

    def __init__(
        self, temperature: float = 0.5, gamma: float = 2.0, alpha: float = 1 / 65536
    ) -> None:
        super().__init__()
        self.critic = Cosine(temperature)
        self.gamma, self.alpha = gamma, alpha

    def forward(self, views: Views) -> Loss:
        """Mean over groups."""
        total = [
            self._divergence(views, j) for j in sorted({j for _, j in views.pairs})
        ]
        return Loss(None, torch.stack(total).sum(0).mean())

    def _divergence(self, views: Views, j: int) -> Float[Tensor, "*G"]:
        """Between target view j and all predictions that are to find it."""
        key = views.t[j]
        assert key is not None
        scores, joint, product = [], [], []
        for i in (i for i, target in views.pairs if target == j):
            query = views.p[i]
            assert query is not None
            pairs = self.critic(query, key.detach())
            mine, count = _own_and_counted(views, pairs)
            scores.append(pairs.flatten(-2))
            joint.append((mine & count).flatten(-2))
            product.append((count & ~mine).flatten(-2))
        u, own, others = (torch.cat(x, -1) for x in (scores, joint, product))
        return skew_renyi(u, own, others, self.gamma, self.alpha)


@dataclass(frozen=True)
class RenyiClConfig:
    """RényiCL: contrast that trusts easy positives more than hard ones."""

    temperature: float = 0.5
    """τ of the cosine"""
    gamma: float = 2.0
    """γ, order of the divergence; above 1, easy positives count more"""
    alpha: float = 1 / 65536
    """α, share of positives in what they are held against; about one over the number of
    pairs of different images, 256 images here: for N of them, take 1 / N²"""

    def __post_init__(self) -> None:
        checked_temperature(self.temperature)
        if not self.gamma >= 1:
            raise ValueError(f"γ must be 1 or more, not {self.gamma}")
        if not 0 <= self.alpha <= 1:
            raise ValueError(f"α must be in [0, 1], not {self.alpha}")

    def build(self, sizes: Sizes) -> RenyiCl:
        """Build the objective; it is the same for all sizes."""
        return RenyiCl(self.temperature, self.gamma, self.alpha)


def _own_and_counted(
    views: Views, scores: Float[Tensor, "*G N N"]
) -> tuple[Bool[Tensor, "*G N N"], Bool[Tensor, "*G N N"]]:
    """Pairs of a row with itself, and pairs of valid rows."""
    number = scores.shape[-1]
    own = torch.eye(number, dtype=torch.bool, device=scores.device).expand_as(scores)
    if views.valid is None:
        return own, torch.ones_like(own)
    return own, views.valid.unsqueeze(-1) & views.valid.unsqueeze(-2)
