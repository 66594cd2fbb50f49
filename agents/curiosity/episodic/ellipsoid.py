"""How far a state lies outside the ellipsoid of an episode's states."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from agents.curiosity.episodic.memory import EpisodicMemory


@final
class EpisodicEllipsoid(EpisodicMemory):
    """`φᵀ C⁻¹ φ` with `C = λ I + Σ φ_i φ_iᵀ` over the episode before the row.

    The inverse is kept, and follows each row by the formula of Sherman and Morrison:
    `C⁻¹ ← C⁻¹ - u uᵀ / (1 + φᵀ u)`, `u = C⁻¹ φ`; D² per env and row.

    Args:
        num_envs: B, of this process.
        size: D.
        ridge: λ.
    """

    def __init__(self, num_envs: int, size: int, ridge: float) -> None:
        super().__init__()
        self.ridge = ridge
        eye = torch.eye(size) / ridge
        self.remember("inverse", eye.repeat(num_envs, 1, 1))

    def _forget(self, where: Bool[Tensor, "B"]) -> None:
        inverse = self.own("inverse")
        eye = torch.eye(inverse.shape[-1], device=inverse.device) / self.ridge
        inverse.copy_(torch.where(where.view(-1, 1, 1), eye, inverse))

    def _meet(
        self, row: Float32[Tensor, "B D"], new: Bool[Tensor, "B"]
    ) -> Float32[Tensor, "B"]:
        inverse = self.own("inverse")
        against = torch.bmm(inverse, row.unsqueeze(2)).squeeze(2)
        outside = (row * against).sum(-1)
        share = (new / (1 + outside)).unsqueeze(-1)
        inverse.baddbmm_((share * against).unsqueeze(2), against.unsqueeze(1), alpha=-1)
        return outside
