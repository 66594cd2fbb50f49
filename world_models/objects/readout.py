"""Reads from beliefs what becomes of each group, by a small network for each."""

from typing import final

from jaxtyping import Float32
from torch import Tensor, nn

from world_models.objects.group_mlp import GroupMlp
from world_models.objects.history import GroupHistory


@final
class GroupReadout(nn.Module):
    """An MLP for each group on what a belief knows of it: see `GroupHistory`.

    Its last layer begins a tenth as large as usual, near "nothing but the mean".

    Args:
        history: reads beliefs.
        hidden: units of the hidden layer of each group.
        size: F, numbers that come out for each.
    """

    def __init__(self, history: GroupHistory, hidden: int, size: int) -> None:
        super().__init__()
        self.history = history
        sizes = (history.inputs, hidden, size)
        self.network = GroupMlp(history.layout.groups, sizes, last_gain=0.1)

    def forward(
        self, belief: Float32[Tensor, "*batch S"]
    ) -> Float32[Tensor, "*batch O"]:
        """G F numbers, those of one group behind those of the other."""
        rows, kept = self.history.rows(belief.flatten(0, -2))
        read: Tensor = self.network(self.history.read(rows, kept))
        return read.transpose(0, 1).reshape(*belief.shape[:-1], -1)
