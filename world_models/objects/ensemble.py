"""Several networks for each group of objects, and how far apart they see them."""

from dataclasses import dataclass, field
from typing import final

import torch
from torch import nn

from ssl_objectives.counts import check_count
from ssl_objectives.parts.step_counter import StepCounter
from world_models.belief import BeliefModel
from world_models.objects.displacements import Displacements, DisplacementsConfig
from world_models.objects.distance import distances
from world_models.terms.term import Added, Term, Unrolled


@final
class ObjectEnsemble(Term):
    """N predictors of displacements; the term `disagreement` is their variance.

    `Σ_o m_o Var_n(s x̂_o)`, summed over x and y, of objects that are seen when the
    prediction is made (Pathak et al. 2019, arXiv 1906.04161). Each minimises the
    distance that the model does, on rows of its own: each row teaches one of them,
    drawn anew at each step. Taught the same rows, they would err alike about noise.

    Args:
        heads: the predictors, all alike.
    """

    def __init__(self, heads: list[Displacements]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        self.layout, self.scale = heads[0].layout, heads[0].scale
        self.counter = StepCounter()

    def forward(self, unrolled: Unrolled) -> Added:
        """Errors of the heads, and the disagreement among them."""
        ahead = unrolled.ahead
        assert ahead.aim is not None
        guesses = [head(ahead).latent for head in self.heads]
        came = self.layout.read(ahead.aim)
        errors = torch.stack(
            [distances(self.layout.read(x), came, self.scale) for x in guesses]
        )
        generator = self.counter.generator(errors.device)
        taught = torch.randint(
            len(self.heads),
            (1, *errors.shape[1:]),
            generator=generator,
            device=errors.device,
        )
        error = errors.gather(0, taught).squeeze(0)
        with torch.no_grad():
            seen = [self.layout.read(x) for x in guesses]
            apart = torch.stack([x.place for x in seen]).var(0, correction=0).sum(-1)
            spread = self.scale**2 * (apart * seen[0].mask).sum((-2, -1))
        return Added(
            terms={"ensemble": error, "disagreement": spread},
            weights={"ensemble": 1.0},
        )

    def follow(self) -> None:
        """The next step shares rows out anew."""
        self.counter.advance()


@dataclass(frozen=True)
class ObjectEnsembleConfig:
    """Several networks per group of objects, whose disagreement a signal can pay."""

    heads: int = 3
    """how many"""
    predictor: DisplacementsConfig = field(default_factory=DisplacementsConfig)
    """each of them"""

    def __post_init__(self) -> None:
        check_count("heads", self.heads, least=2)

    def build(self, belief: BeliefModel, latent_size: int) -> ObjectEnsemble:
        """Build the term.

        Raises:
            ValueError: the belief is no history of such objects.
        """
        sizes = latent_size, latent_size
        made = [self.predictor.build(belief, *sizes) for _ in range(self.heads)]
        return ObjectEnsemble(made)
