"""Memories of episodes that meet one row of all envs after the other."""

from abc import abstractmethod

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from agents.curiosity.episodic.memory import EpisodicMemory


class RowByRow(EpisodicMemory):
    """The one loop over the rows of a rollout."""

    def _along(
        self,
        rows: Shaped[Tensor, "R B ..."],
        begins: Bool[Tensor, "R B"],
        new: Bool[Tensor, "R B"],
    ) -> Shaped[Tensor, "T B ..."]:
        found = []
        for row, anew, added in zip(rows, begins, new, strict=True):
            self._forget(anew)
            found.append(self._meet(row, added))
        return torch.stack(found[1:])

    @abstractmethod
    def _forget(self, where: Bool[Tensor, "B"]) -> None:
        """Empty the memory of some envs."""

    @abstractmethod
    def _meet(
        self, row: Shaped[Tensor, "B ..."], new: Bool[Tensor, "B"]
    ) -> Shaped[Tensor, "B ..."]:
        """What a row is beside what is remembered; then remember it where it is new."""
