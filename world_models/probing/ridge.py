"""Ridge regression in closed form: the probe with one number to choose, or none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float64
from torch import Tensor

from world_models.probing.errors import Errors
from world_models.probing.probe import Probe, Reader, Tally
from world_models.probing.rows import Rows

PENALTIES = tuple(10.0**x for x in range(-6, 3))
FIXED = 1e-3  # λ where none is chosen


@dataclass(frozen=True)
class _Weights:
    """A linear map of standardised latents, with its intercept."""

    weight: Float64[Tensor, "D F"]
    middle: Float64[Tensor, "F"]
    penalty: float


@final
class LinearReader(Reader):
    """Reads numbers by one linear map each: `(x - mean) / std · W + ȳ`.

    Attributes:
        mean, std: of the latents it was fitted on; 1e-6 is added to the latter.
        maps: of each fact.
    """

    def __init__(
        self,
        mean: Float64[Tensor, "D"],
        std: Float64[Tensor, "D"],
        maps: Mapping[str, _Weights],
    ) -> None:
        self.mean, self.std, self.maps = mean, std, maps

    @property
    def penalties(self) -> dict[str, float]:
        """λ of each fact."""
        return {k: x.penalty for k, x in self.maps.items()}

    def told(self, rows: Rows) -> dict[str, Float64[Tensor, "N F"]]:
        """What the rows tell of each fact."""
        x = (rows.latent.double() - self.mean) / self.std
        return {k: x @ y.weight + y.middle for k, y in self.maps.items()}

    def read(self, rows: Rows) -> dict[str, Tally]:
        """`Errors` of each fact."""
        told = self.told(rows)
        return {
            k: Errors(told[k], rows.facts[k], x.middle, rows.episode)
            for k, x in self.maps.items()
        }


@final
@dataclass(frozen=True)
class Ridge(Probe):
    """`min_W E ‖X W - Y‖² + λ ‖W‖²` on standardised columns, with an intercept.

    Of each fact the λ with the least squared error on the validation rows; of a single
    λ nothing is chosen. scikit-learn's `alpha` is `λ N`. One eigendecomposition of
    `Xᵀ X / N` serves all facts and all λ.
    """

    penalties: tuple[float, ...] = PENALTIES
    """λ to choose from"""
    name: str = field(default="ridge", init=False)

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise ValueError(f"ridge needs penalties above 0, not {self.penalties}")

    def fit(self, train: Rows, val: Rows) -> LinearReader:
        """Of all facts that are numbers."""
        x = train.latent.double()
        mean, std = x.mean(0), x.std(0, correction=0) + 1e-6
        x = (x - mean) / std
        values, vectors = torch.linalg.eigh(x.mT @ x / len(x))
        values = values.clamp(min=0)  # rounding goes below
        turned = (val.latent.double() - mean) / std @ vectors
        maps = {}
        for name, fact in train.numbers.items():
            y = fact.double()
            middle = y.mean(0)
            moment = vectors.mT @ (x.mT @ (y - middle)) / len(x)
            wanted = val.facts[name].double() - middle
            best, least = self.penalties[0], float("inf")
            for penalty in self.penalties if len(self.penalties) > 1 else ():
                shrunk = moment / (values + penalty).unsqueeze(1)
                missed = float((turned @ shrunk - wanted).square().sum())
                if missed < least:
                    best, least = penalty, missed
            weight = vectors @ (moment / (values + best).unsqueeze(1))
            maps[name] = _Weights(weight, middle, best)
        return LinearReader(mean, std, maps)


@final
@dataclass(frozen=True)
class Mean(Probe):
    """The baseline that looks at nothing: it says the mean of the training rows."""

    name: str = field(default="mean", init=False)

    def fit(self, train: Rows, val: Rows) -> LinearReader:
        """Of all facts that are numbers; nothing is chosen."""
        size = train.latent.shape[1]
        nothing = train.latent.new_zeros(size, dtype=torch.float64)
        maps = {}
        for name, fact in train.numbers.items():
            flat = nothing.new_zeros(size, fact.shape[1])
            maps[name] = _Weights(flat, fact.double().mean(0), 0.0)
        return LinearReader(nothing, nothing + 1, maps)
