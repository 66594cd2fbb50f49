"""What is remembered of the episode that each env is in: the one loop over rows."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor, nn

from ssl_objectives.distributed import gathered_rows, num_processes, own_rows


class EpisodicMemory(nn.Module, ABC):
    """Compares every row with the episode so far, and adds it: no loop over envs.

    It is empty at `first`, and its first row is the first of the episode. Buffers hold
    what all envs remember, of all processes, so that one of them can save it; each
    goes on with its own. Row T of a rollout is row 0 of the next, and added once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))
        self.begun: Tensor
        self._of_envs: list[str] = []

    def remember(self, name: str, start: Shaped[Tensor, "B ..."]) -> None:
        """A buffer with a place for each env of this process, and of the others."""
        self.register_buffer(name, torch.cat([start] * num_processes()))
        self._of_envs.append(name)

    @torch.no_grad()
    def along(
        self, rows: Shaped[Tensor, "R B ..."], first: Bool[Tensor, "R B"]
    ) -> Shaped[Tensor, "T B ..."]:
        """What rows 1 … T are, beside what came before them in their episode.

        Args:
            rows: 0 … T of a rollout, of this process.
            first: which of them begin an episode.
        """
        found = []
        self._step(rows[0], first[0], (~self.begun).expand(rows.shape[1]))
        everyone = torch.ones_like(first[0])
        for row, begins in zip(rows[1:], first[1:], strict=True):
            found.append(self._step(row, begins, everyone))
        self.begun.fill_(True)
        if num_processes() > 1:
            for name in self._of_envs:
                setattr(self, name, gathered_rows(self.own(name), 0))
        return torch.stack(found)

    def own(self, name: str) -> Shaped[Tensor, "B ..."]:
        """A buffer's part of this process: a view."""
        return own_rows(getattr(self, name), 0)

    def _step(
        self, row: Tensor, begins: Bool[Tensor, "B"], new: Bool[Tensor, "B"]
    ) -> Tensor:
        self._forget(begins & new)
        return self._meet(row, new)

    @abstractmethod
    def _forget(self, where: Bool[Tensor, "B"]) -> None:
        """Empty the memory of some envs."""

    @abstractmethod
    def _meet(
        self, row: Shaped[Tensor, "B ..."], new: Bool[Tensor, "B"]
    ) -> Shaped[Tensor, "B ..."]:
        """What a row is beside what is remembered; then remember it where it is new."""
