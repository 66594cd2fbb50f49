"""A probe that sees latents at a common scale, whatever theirs is."""

from dataclasses import dataclass, replace
from typing import final

from jaxtyping import Float32
from torch import Tensor

from world_models.probing.probe import Probe, Reader, Tally
from world_models.probing.rows import Rows


@final
class StandardisedReader(Reader):
    """Brings rows to the scale of the training rows before they are read."""

    def __init__(
        self, mean: Float32[Tensor, "D"], std: Float32[Tensor, "D"], reader: Reader
    ) -> None:
        self.mean, self.std, self.reader = mean, std, reader

    def read(self, rows: Rows) -> dict[str, Tally]:
        """What the other reader makes of them."""
        return self.reader.read(_scaled(rows, self.mean, self.std))


@final
@dataclass(frozen=True)
class Standardised(Probe):
    """Another probe on columns of mean 0 and std 1, as the training rows have them.

    A probe that learns by gradient steps of a given size would else read small latents
    worse than large ones, though they say the same. The constants stay as they are for
    all other rows; 1e-6 is added to each std.
    """

    probe: Probe

    @property
    def name(self) -> str:  # type: ignore[override]  # that of the probe
        """Of the other probe."""
        return self.probe.name

    def fit(self, train: Rows, val: Rows) -> StandardisedReader:
        """Fit the other probe."""
        latent = train.latent.float()
        mean, std = latent.mean(0), latent.std(0, correction=0) + 1e-6
        train, val = (_scaled(x, mean, std) for x in (train, val))
        return StandardisedReader(mean, std, self.probe.fit(train, val))


def _scaled(rows: Rows, mean: Tensor, std: Tensor) -> Rows:
    latent: Float32[Tensor, "N D"] = (rows.latent.float() - mean) / std
    return replace(rows, latent=latent)
