"""A probe with one hidden layer: what is there, but not linearly."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, Float64, Int64, Shaped
from torch import Tensor, nn

from world_models.probing.errors import Errors
from world_models.probing.f1 import Counts
from world_models.probing.probe import Probe, Reader, Tally
from world_models.probing.rows import Rows

_SEED = 0  # of weights and order: all latents are asked the same
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class _Numbers:
    """Reads a fact of numbers: outputs are standardised as the training facts were."""

    network: nn.Module
    mean: Float64[Tensor, "F"]
    std: Float64[Tensor, "F"]

    def told(self, x: Float32[Tensor, "N D"]) -> Float64[Tensor, "N F"]:
        made: Tensor = self.network(x).double() * self.std + self.mean
        return made

    def tally(self, told: Tensor, truth: Tensor, episode: Tensor) -> Tally:
        return Errors(told, truth, self.mean, episode)


@dataclass(frozen=True)
class _Classes:
    """Reads a fact that is a class, one of those that training rows have."""

    network: nn.Module
    known: Int64[Tensor, "K"]

    def told(self, x: Float32[Tensor, "N D"]) -> Int64[Tensor, "N"]:
        made: Tensor = self.known[self.network(x).argmax(-1)]
        return made

    def tally(self, told: Tensor, truth: Tensor, episode: Tensor) -> Tally:
        return Counts(told, truth, episode)


@final
class MlpReader(Reader):
    """Reads each fact by a network of its own, on standardised latents.

    Args:
        mean, std: of the latents it was fitted on.
        heads: of each fact.
    """

    def __init__(
        self,
        mean: Float32[Tensor, "D"],
        std: Float32[Tensor, "D"],
        heads: Mapping[str, _Numbers | _Classes],
    ) -> None:
        self.mean, self.std, self.heads = mean, std, heads

    @torch.no_grad()
    def told(self, rows: Rows) -> dict[str, Shaped[Tensor, "N ..."]]:
        """What the rows tell of each fact: numbers, or the class."""
        x = (rows.latent.float() - self.mean) / self.std
        return {k: head.told(x) for k, head in self.heads.items()}

    def read(self, rows: Rows) -> dict[str, Tally]:
        """`Errors` of facts that are numbers, `Counts` of classes."""
        told = self.told(rows)
        return {
            k: head.tally(told[k], rows.facts[k], rows.episode)
            for k, head in self.heads.items()
        }


@final
@dataclass(frozen=True)
class Mlp(Probe):
    """Linear, ReLU, linear, by Adam, ended by the error on validation rows.

    Squared error of numbers, cross-entropy of classes. Latents and numbers are
    standardised by the training rows. The weights are those of the pass with the least
    error on the validation rows; a class that no training row has is never told.
    """

    hidden: int = 256
    """units of the hidden layer"""
    epochs: int = 40
    """passes over the training rows, at most"""
    patience: int = 5
    """passes without a better validation error, behind which it ends"""
    batch: int = 256
    """rows in a gradient step"""
    learning_rate: float = 2e-3
    """of Adam"""
    name: str = field(default="MLP", init=False)

    def fit(self, train: Rows, val: Rows) -> MlpReader:
        """Of all facts."""
        latent = train.latent.float()
        mean, std = latent.mean(0), latent.std(0, correction=0) + 1e-6
        x, other = ((r.latent.float() - mean) / std for r in (train, val))
        heads: dict[str, _Numbers | _Classes] = {}
        for name, fact in train.numbers.items():
            y = fact.double()
            middle, scale = y.mean(0), y.std(0, correction=0) + 1e-12
            wanted = ((y - middle) / scale).float()
            aim = ((val.facts[name].double() - middle) / scale).float()
            sides = (x, wanted), (other, aim)
            network = self._fitted(*sides, y.shape[1], nn.functional.mse_loss)
            heads[name] = _Numbers(network, middle, scale)
        for name, fact in train.classes.items():
            known, number = fact.unique(return_inverse=True)
            theirs = val.facts[name].contiguous()
            met = torch.isin(theirs, known)  # of the others it knows nothing
            place = torch.searchsorted(known, theirs[met])
            told = (x, number), (other[met], place)
            network = self._fitted(*told, len(known), nn.functional.cross_entropy)
            heads[name] = _Classes(network, known)
        return MlpReader(mean, std, heads)

    def _fitted(
        self,
        train: tuple[Tensor, Tensor],
        val: tuple[Tensor, Tensor],
        outputs: int,
        loss: Loss,
    ) -> nn.Module:
        x, y = train
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            network = nn.Sequential(
                nn.Linear(x.shape[1], self.hidden),
                nn.ReLU(),
                nn.Linear(self.hidden, outputs),
            ).to(x.device)
        optimizer = torch.optim.Adam(
            network.parameters(), self.learning_rate, fused=True
        )
        generator = torch.Generator().manual_seed(_SEED)
        best, least, since = copy.deepcopy(network), float("inf"), 0
        for _ in range(self.epochs):
            order = torch.randperm(len(x), generator=generator).to(x.device)
            with torch.enable_grad():
                for chosen in order.split(self.batch):
                    missed = loss(network(x[chosen]), y[chosen])
                    optimizer.zero_grad()
                    missed.backward()
                    optimizer.step()
            with torch.no_grad():
                error = float(loss(network(val[0]), val[1])) if len(val[1]) else 0.0
            since += 1
            if error < least:
                best, least, since = copy.deepcopy(network), error, 0
            if since >= self.patience:
                break
        return best.eval()
