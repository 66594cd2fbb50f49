"""The newest rows of each env's episode, compared with all rows of a rollout."""

from abc import abstractmethod

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from agents.curiosity.episodic.memory import EpisodicMemory


class RecentRows(EpisodicMemory):
    """Rows in order, the newest last; of an episode longer than that the newest.

    A rollout is put behind them, and every row of it looks at those in front of it that
    are of its episode: no loop over rows.

    Args:
        start: rows of each env before anything was seen: `[B, M, ...]`.
    """

    def __init__(self, start: Shaped[Tensor, "B M ..."]) -> None:
        super().__init__()
        self.remember("rows", start)
        self.remember("seen", torch.zeros(len(start), dtype=torch.int64))

    def _along(
        self,
        rows: Shaped[Tensor, "R B ..."],
        begins: Bool[Tensor, "R B"],
        new: Bool[Tensor, "R B"],
    ) -> Shaped[Tensor, "T B ..."]:
        held, seen = self.own("rows"), self.own("seen")
        places = held.shape[1]
        rows = rows.movedim(0, 1)
        newest = new[0].view(-1, *[1] * (rows.dim() - 2))
        held[:, -1].copy_(torch.where(newest, rows[:, 0], held[:, -1]))
        seen.masked_fill_(new[0], 1)

        arrived = rows[:, 1:]
        sequence = torch.cat([held, arrived], 1)
        before = self._before(begins[1:].mT, seen).clamp(max=places)
        place = torch.arange(sequence.shape[1], device=rows.device)
        at = place[places:].unsqueeze(-1)
        visible = (place < at) & (place >= at - before.unsqueeze(-1))
        found = self._compare(arrived, sequence, visible)
        held.copy_(sequence[:, -places:])
        seen.copy_((before[:, -1] + 1).clamp(max=places))
        return found.movedim(1, 0)

    @staticmethod
    def _before(
        begins: Bool[Tensor, "B T"], seen: Shaped[Tensor, "B"]
    ) -> Shaped[Tensor, "B T"]:
        """How many rows of its episode came before each."""
        step = torch.arange(1, begins.shape[1] + 1, device=begins.device)
        last = (step * begins).cummax(1).values
        earlier = seen.unsqueeze(1) + step - 1
        return torch.where(last > 0, step - last, earlier)

    @abstractmethod
    def _compare(
        self,
        rows: Shaped[Tensor, "B T ..."],
        sequence: Shaped[Tensor, "B N ..."],
        visible: Bool[Tensor, "B T N"],
    ) -> Shaped[Tensor, "B T ..."]:
        """What rows are, beside those of the sequence that each may look at."""
