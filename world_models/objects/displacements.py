"""The predictor of groups: a network for each says where its objects go next."""

from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Float32
from torch import Tensor

from world_models.belief import BeliefModel
from world_models.cores.history import HistoryCore
from world_models.objects.group_mlp import GroupMlp
from world_models.objects.history import GroupHistory
from world_models.objects.layout import Layout, Objects
from world_models.predictor import Ahead, Prediction, Predictor


@final
class Displacements(Predictor):
    """`x̂_{t+1} = x_t + f_g(x_t, s Δx_t, …, s Δx_{t-n+2}, m) / s` for every group g.

    The causal model of arXiv 2007.07853, §3: one network per behaviourally dependent
    group, told which objects can be seen; what it reads of them is `GroupHistory`.
    Masks are predicted to stay. Behind the first step it goes on from its own
    predictions. The last layer begins a tenth as large as usual, so that at
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
        self.layout, self.scale = layout, scale
        self.history = GroupHistory(layout, num_rows, scale)
        outputs = layout.numbers * layout.objects
        sizes = (self.history.inputs, hidden, hidden, outputs)
        self.network = GroupMlp(layout.groups, sizes, last_gain=0.1)

    def forward(self, ahead: Ahead) -> Prediction:
        """From the beliefs alone, as many steps ahead as there are actions."""
        start, horizon = ahead.start.flatten(0, -2), len(ahead.after)
        rows, kept = self.history.rows(start)
        predicted = []
        for _ in range(horizon):
            coming = self._step(rows, kept)
            predicted.append(coming)
            rows, kept = [coming, *rows[:-1]], [kept[0], *kept[:-1]]
        latent = torch.stack(predicted)
        return Prediction(latent.view(horizon, *ahead.start.shape[:-1], -1))

    def _step(
        self, rows: list[Float32[Tensor, "N D"]], kept: list[Float32[Tensor, "N"]]
    ) -> Float32[Tensor, "N D"]:
        """Where everything is, one row on."""
        now = self.layout.read(rows[0])
        x = self.network(self.history.read(rows, kept))
        away = x.transpose(0, 1).view(now.place.shape) / self.scale
        place = (now.place + away) * now.mask.unsqueeze(-1)
        return self.layout.write(Objects(place, now.mask))


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

    def build(
        self, belief: BeliefModel, latent_size: int, aim_size: int
    ) -> Displacements:
        """Build it.

        Raises:
            ValueError: the belief is no history of such objects.
        """
        core = belief.core
        if not isinstance(core, HistoryCore) or latent_size != self.layout.size:
            raise ValueError(
                f"displacements are predicted of {self.layout.groups} groups of "
                f"{self.layout.objects} objects, {self.layout.size} numbers, and their "
                f"last few rows: take --core history, and an encoder that gives "
                "these numbers, objects for places or object-latents for latents "
                f"(here: {type(core).__name__}, {latent_size})"
            )
        return Displacements(self.layout, core.num_rows, self.hidden, self.scale)
