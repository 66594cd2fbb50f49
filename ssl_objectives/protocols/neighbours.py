"""k-NN as in papers: 20 and 200 neighbours, cosine, and votes by a temperature."""

import math
from dataclasses import dataclass

from torch import nn

from ssl_objectives.counts import check_count
from ssl_objectives.measure.examples import Examples
from ssl_objectives.measure.probes import TEMPERATURE, knn_accuracy
from ssl_objectives.refusal import ConfigError


@dataclass(frozen=True)
class NeighboursConfig:
    """k-NN with 20 and with 200 neighbours (1805.01978, section 3.4; DINO has 20)."""

    neighbours: tuple[int, ...] = (20, 200)
    """k, one accuracy for each; of fewer training images, all of them"""
    temperature: float = TEMPERATURE
    """τ: a neighbour of cosine s votes with exp(s / τ)"""

    def __post_init__(self) -> None:
        for k in self.neighbours:
            check_count("neighbours", k)
        if not 0 < self.temperature < math.inf:
            raise ConfigError(
                f"temperature must be above 0 and finite, not {self.temperature}"
            )

    def accuracies(self, encoder: nn.Module, examples: Examples) -> dict[str, float]:
        """`knn-20`, `knn-200`."""
        rows = examples.features(encoder)
        return {
            f"knn-{k}": knn_accuracy(rows, k, self.temperature) for k in self.neighbours
        }
