"""A probe with one hidden layer: what is there, but not linearly."""

import copy
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32, Float64
from torch import Tensor, nn

from world_models.probing.errors import Errors
from world_models.probing.probe import Probe, Reader, Tally
from world_models.probing.rows import Rows

_SEED = 0  # of weights and order: all latents are asked the same


@final
class MlpReader(Reader):
    """Reads all numbers by one network per fact, on standardised latents.

    Args:
        mean, std: of the latents it was fitted on.
        networks: of each fact, with the mean and std of the fact.
    """

    def __init__(
        self,
        mean: Float32[Tensor, "D"],
        std: Float32[Tensor, "D"],
        networks: dict[str, tuple[nn.Module, Tensor, Tensor]],
    ) -> None:
        self.mean, self.std, self.networks = mean, std, networks

    @torch.no_grad()
    def told(self, rows: Rows) -> dict[str, Float64[Tensor, "N F"]]:
        """What the rows tell of each fact."""
        x = (rows.latent.float() - self.mean) / self.std
        return {
            k: network(x).double() * std + middle
            for k, (network, middle, std) in self.networks.items()
        }

    def read(self, rows: Rows) -> dict[str, Tally]:
        """`Errors` of each fact."""
        told = self.told(rows)
        return {
            k: Errors(told[k], rows.facts[k], middle, rows.episode)
            for k, (_, middle, _) in self.networks.items()
        }


@final
@dataclass(frozen=True)
class Mlp(Probe):
    """Linear, ReLU, linear: least squares by Adam, ended by the validation error.

    Inputs and facts are standardised by the training rows. The weights are those of the
    epoch with the least error on the validation rows.
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
        """Of all facts that are numbers."""
        x = train.latent.float()
        mean, std = x.mean(0), x.std(0, correction=0) + 1e-6
        seen = ((x - mean) / std, (val.latent.float() - mean) / std)
        networks = {}
        for name, fact in train.numbers.items():
            y = fact.double()
            middle, scale = y.mean(0), y.std(0, correction=0) + 1e-12
            wanted = [
                ((rows.facts[name].double() - middle) / scale).float()
                for rows in (train, val)
            ]
            network = self._fitted(seen[0], wanted[0], seen[1], wanted[1])
            networks[name] = (network, middle, scale)
        return MlpReader(mean, std, networks)

    def _fitted(
        self,
        x: Float32[Tensor, "N D"],
        y: Float32[Tensor, "N F"],
        other_x: Float32[Tensor, "M D"],
        other_y: Float32[Tensor, "M F"],
    ) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_SEED)
            network = nn.Sequential(
                nn.Linear(x.shape[1], self.hidden),
                nn.ReLU(),
                nn.Linear(self.hidden, y.shape[1]),
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
                    loss = (network(x[chosen]) - y[chosen]).square().mean()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            with torch.no_grad():
                missed = float((network(other_x) - other_y).square().mean())
            since += 1
            if missed < least:
                best, least, since = copy.deepcopy(network), missed, 0
            if since >= self.patience:
                break
        return best.eval()
