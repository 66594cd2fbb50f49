"""How far a state lies outside the ellipsoid of an episode's states."""

from typing import final

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from agents.curiosity.episodic.memory import EpisodicMemory


@final
class EpisodicEllipsoid(EpisodicMemory):
    """`φᵀ C⁻¹ φ` with `C = λ I + Σ φ_i φ_iᵀ` over the episode before the row.

    All rows of a rollout at once, in place of a rank-1 update for each. With A the
    inverse at its begin, `K = Φ A Φᵀ` and `L Lᵀ = I + K` of Cholesky,

    - row t has `φᵀ C_t⁻¹ φ = L_tt² - 1`, since both are what it multiplies `det C` by;
    - the inverse at the end is `A - A Φᵀ (I + K)⁻¹ Φ A`.

    K is 0 between rows of two episodes, and A is `I / λ` for those that begin within
    the rollout. In float64: pivots near 1 are what is left of large numbers.

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

    def _along(
        self,
        rows: Float32[Tensor, "R B D"],
        begins: Bool[Tensor, "R B"],
        new: Bool[Tensor, "R B"],
    ) -> Float32[Tensor, "T B"]:
        states = (rows * new.unsqueeze(-1)).movedim(1, 0).double()
        episode = begins.movedim(1, 0).long().cumsum(1)
        old = (episode == 0).unsqueeze(-1)
        held = self.own("inverse")
        inverse = held.double()
        against = torch.where(old, states @ inverse, states / self.ridge)
        together = episode.unsqueeze(1) == episode.unsqueeze(2)
        gram = (against @ states.mT).masked_fill_(~together, 0.0)
        gram.diagonal(dim1=1, dim2=2).add_(1.0)
        lower = torch.linalg.cholesky_ex(gram).L
        outside = lower.diagonal(dim1=1, dim2=2).square() - 1

        last = (episode == episode[:, -1:]).unsqueeze(-1)
        added = torch.linalg.solve_triangular(lower, against * last, upper=False)
        eye = torch.eye(states.shape[-1], device=rows.device).double() / self.ridge
        before = torch.where(old[:, -1:], inverse, eye)
        held.copy_(before - added.mT @ added)
        told: Tensor = outside[:, 1:].clamp(min=0.0).mT.to(rows.dtype)
        return told
