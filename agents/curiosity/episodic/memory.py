"""What is remembered of the episode that each env is in."""

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

    def own(self, name: str) -> Shaped[Tensor, "B ..."]:
        """A buffer's part of this process: a view, to be changed in place."""
        return own_rows(getattr(self, name), 0)

    @torch.no_grad()
    def along(
        self, rows: Shaped[Tensor, "R B ..."], first: Bool[Tensor, "R B"]
    ) -> Shaped[Tensor, "T B ..."]:
        """What rows 1 … T are, beside what came before them in their episode.

        Args:
            rows: 0 … T of a rollout, of this process.
            first: which of them begin an episode.
        """
        new = torch.ones_like(first)
        new[0] = ~self.begun
        found = self._along(rows, first & new, new)
        self.begun.fill_(True)
        if num_processes() > 1:
            for name in self._of_envs:
                setattr(self, name, gathered_rows(self.own(name), 0))
        return found

    @abstractmethod
    def _along(
        self,
        rows: Shaped[Tensor, "R B ..."],
        begins: Bool[Tensor, "R B"],
        new: Bool[Tensor, "R B"],
    ) -> Shaped[Tensor, "T B ..."]:
        """The same, of rows of which some are not new: these are not to be added."""
