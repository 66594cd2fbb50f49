"""An ensemble of prediction heads, and how much they disagree."""

from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from ssl_objectives.counts import check_count
from ssl_objectives.parts.critics import unit
from world_models.belief import BeliefModel
from world_models.terms.term import Added, Term, Unrolled


@final
class Ensemble(Term):
    """N heads `g_n(b_{t,k})`; the term `disagreement` is the variance among them.

    `Var_n(ĝ_n)`, averaged over components, of predictions of unit length; each head
    minimises `‖ĝ_n - ω̂‖²` (Pathak et al. 2019, arXiv 1906.04161; as Plan2Explore, on
    latents). Heads read beliefs without gradient: they measure the model, and do not
    shape it. The variance is reduced here, so that no tensor heads × K × T × B × D
    leaves the model.
    """

    def __init__(
        self, belief_size: int, latent_size: int, heads: int = 5, hidden: int = 128
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Linear(belief_size, hidden),
                nn.ReLU(),
                nn.Linear(hidden, latent_size),
            )
            for _ in range(heads)
        )

    def forward(self, unrolled: Unrolled) -> Added:
        """Errors of the heads, and the disagreement among them."""
        ahead = unrolled.ahead
        assert ahead.aim is not None
        belief, aim = ahead.after.detach(), unit(ahead.aim.detach())
        total, squares = torch.zeros_like(aim), aim.new_zeros(aim.shape[:-1])
        error = torch.zeros_like(squares)
        for head in self.heads:
            guess = unit(head(belief))
            error = error + (guess - aim).square().sum(-1) / len(self.heads)
            with torch.no_grad():
                total += guess
                squares += guess.square().sum(-1)
        mean = total / len(self.heads)
        spread = squares / len(self.heads) - mean.square().sum(-1)
        disagreement = spread.clamp(min=0.0) / aim.shape[-1]
        return Added(
            terms={"ensemble": error, "disagreement": disagreement},
            weights={"ensemble": 1.0},
        )


@dataclass(frozen=True)
class EnsembleConfig:
    """Several prediction heads, whose disagreement a signal can pay."""

    heads: int = 5
    """how many"""
    hidden: int = 128
    """units of each head's hidden layer"""

    def __post_init__(self) -> None:
        check_count("heads", self.heads, least=2)

    def build(self, belief: BeliefModel, latent_size: int) -> Ensemble:
        """Build the term."""
        return Ensemble(belief.size, latent_size, self.heads, self.hidden)
