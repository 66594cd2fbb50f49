"""The predictor of groups: a network for each says where its objects go next."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from world_models.belief import BeliefModel
from world_models.cores.history import HistoryCore
from world_models.objects.layout import Layout
from world_models.predictor import Ahead, Prediction, Predictor


@final
class Displacements(Predictor):
    """`x̂_{t+1} = x_t + f_g(x_t, s Δx_t, …, s Δx_{t-n+2}, m) / s` for every group g.

    The causal model of arXiv 2007.07853, §3: one network per behaviourally dependent
    group, told which objects can be seen. What it reads of an object are its place, the
    n-1 displacements before, each counted where the object was seen all the while, and
    whether it was; masks are predicted to stay. Behind the first step it goes on from
    its own predictions. The last layer begins a tenth as large as usual, so that at
    first nothing moves.

    Deviations: an MLP on a short history in place of an LSTM; displacements, which the
    paper does not predict; masks are not.

    Args:
        layout: of the latents, of which beliefs are the last n (`HistoryCore`).
        num_rows: n.
        hidden: units of both hidden layers of each group.
        scale: s, displacements are multiplied with.
    """

    def __init__(
        self, layout: Layout, num_rows: int, hidden: int = 128, scale: float = 5.0
    ) -> None:
        super().__init__()
        self.layout, self.num_rows, self.scale = layout, num_rows, scale
        objects = layout.objects
        sizes = [3 * num_rows * objects, hidden, hidden, 2 * objects]
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            gain = 0.1 if i == len(sizes) - 2 else math.sqrt(2)
            drawn = torch.randn(layout.groups, inputs, outputs)
            self.weights.append(nn.Parameter(drawn * gain / math.sqrt(inputs)))
            self.biases.append(nn.Parameter(torch.zeros(layout.groups, 1, outputs)))

    def forward(self, ahead: Ahead) -> Prediction:
        """From the beliefs alone, as many steps ahead as there are actions."""
        start, horizon = ahead.start.flatten(0, -2), len(ahead.after)
        rows, n = start[:, : -self.num_rows], self.num_rows
        history = list(rows.view(len(rows), n, -1).unbind(1))  # newest first
        kept = start[:, -n:].unbind(-1)
        predicted = []
        for _ in range(horizon):
            coming = self._step(history, kept)
            predicted.append(coming)
            history, kept = [coming, *history[:-1]], (kept[0], *kept[:-1])
        latent = torch.stack(predicted)
        return Prediction(latent.view(horizon, *ahead.start.shape[:-1], -1))

    def _step(
        self,
        history: list[Float32[Tensor, "N D"]],
        kept: tuple[Float32[Tensor, "N"], ...],
    ) -> Float32[Tensor, "N D"]:
        """Where everything is, one row on."""
        seen = [self.layout.read(row) for row in history]
        now, mask = seen[0], seen[0].mask
        moved, masks = [], [mask]
        for (newer, older), same in zip(pairwise(seen), kept[1:], strict=True):
            mask = mask * older.mask * same[:, None, None]
            step = self.scale * (newer.place - older.place)
            moved.append(step * mask.unsqueeze(-1))
            masks.append(mask)
        # [N, G, 3 n M]: places, displacements, masks of each group
        x = torch.cat([y.flatten(2) for y in (now.place, *moved, *masks)], -1)
        x = x.transpose(0, 1)
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            x = x if i == last else torch.relu(x)
        away = x.transpose(0, 1).unflatten(2, (self.layout.objects, 2)) / self.scale
        place = (now.place + away) * now.mask.unsqueeze(-1)
        return torch.cat([place.flatten(1), now.mask.flatten(1)], -1)


@dataclass(frozen=True)
class DisplacementsConfig:
    """A small network per group of objects says where each goes next."""

    layout: Layout = field(default_factory=Layout)
    """groups and objects, as the encoder's numbers tell them"""
    hidden: int = 128
    """units of both hidden layers of each group"""
    scale: float = 5.0
    """what displacements are multiplied with, to be of order 1"""

    def __post_init__(self) -> None:
        if self.hidden < 1 or not self.scale > 0:
            raise ValueError(
                f"hidden must be at least 1 and scale above 0, not {self.hidden} and "
                f"{self.scale}"
            )

    def build(self, belief: BeliefModel, latent_size: int) -> Displacements:
        """Build it.

        Raises:
            ValueError: the belief is no history of such objects.
        """
        core = belief.core
        if not isinstance(core, HistoryCore) or latent_size != self.layout.size:
            raise ValueError(
                f"displacements are predicted of {self.layout.groups} groups of "
                f"{self.layout.objects} objects, {self.layout.size} numbers, and their "
                f"last few rows: take --core history, and an encoder that passes on "
                f"these numbers (here: {type(core).__name__}, {latent_size} numbers)"
            )
        return Displacements(self.layout, core.num_rows, self.hidden, self.scale)
