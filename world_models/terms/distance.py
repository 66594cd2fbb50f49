"""How far predictions lie from what came, whatever the objective compares."""

from dataclasses import dataclass
from typing import final

from ssl_objectives.parts.losses import normalized_regression
from world_models.belief import BeliefModel
from world_models.terms.term import Added, Term, Unrolled


@final
class Distance(Term):
    """`2 - 2 cos(p_{t,k}, ω_{t+k})`, measured and never minimised: the term `distance`.

    What a contrastive objective costs says how well rows are told apart: it is largest,
    log N, where all that are compared look alike, and pays an agent for staying where
    everything does (docs/logbook.md). This is what a signal can pay instead.
    """

    def forward(self, unrolled: Unrolled) -> Added:
        """Of all predictions."""
        aim = unrolled.ahead.aim
        assert aim is not None
        prediction = unrolled.prediction.detach()
        return Added(terms={"distance": normalized_regression(prediction, aim)})


@dataclass(frozen=True)
class DistanceConfig:
    """Measure how far predictions lie from what came: for signals to pay."""

    def build(self, belief: BeliefModel, latent_size: int) -> Distance:
        """Build the term."""
        return Distance()
