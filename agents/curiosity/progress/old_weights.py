"""Weights of earlier: copies of a network that follow it, and lag behind."""

import copy
from abc import ABC, abstractmethod
from collections import defaultdict
from itertools import chain
from typing import final

import torch
from torch import Tensor, nn


class OldWeights(nn.Module, ABC):
    """Copies of a network, moved behind each of its gradient steps.

    At step number `warm_start` they become what the network is then, once: an untrained
    network is so much worse than a trained one that the difference says nothing. Until
    then they are what they were built as.

    They have no gradient, and are in evaluation mode, always. The number of steps, and
    what the kind of copy was told, are saved with the weights as extra state: a number
    of the host, so that nobody waits for a device to know it.

    Args:
        online: the network to follow.
        copies: how many are held.
        warm_start: at least 1.
        setting: γ or δ: kept by runs that are resumed, whatever they are built with.

    Raises:
        ValueError: a warm start below 1.
    """

    def __init__(
        self, online: nn.Module, copies: int, warm_start: int, setting: float
    ) -> None:
        super().__init__()
        if warm_start < 1:
            raise ValueError(f"warm_start must be at least 1, not {warm_start}")
        made = [copy.deepcopy(online).requires_grad_(False) for _ in range(copies)]
        self.copies = nn.ModuleList(made).eval()
        self.warm_start, self.setting = warm_start, setting
        self.updates = 0

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """The old weights of now."""

    @property
    @abstractmethod
    def settled(self) -> dict[str, float]:
        """γ or δ by its name, and what it means, to tell people."""

    @property
    def ready(self) -> bool:
        """Whether the warm start is over, and old and new can be compared."""
        return self.updates >= self.warm_start

    @torch.no_grad()
    def follow(self, online: nn.Module) -> None:
        """Follow a gradient step of the network."""
        self.updates += 1
        if self.updates == self.warm_start:
            for each in self.copies:
                _move(each, online, 1.0)
        elif self.ready:
            self._remember(online)

    @abstractmethod
    def _remember(self, online: nn.Module) -> None:
        """Take in the weights behind step number `updates`."""

    def train(self, mode: bool = True) -> "OldWeights":
        """Stay in evaluation mode, whatever the agent's modules are set to."""
        return super().train(False)

    def get_extra_state(self) -> Tensor:
        """Steps so far, and γ or δ."""
        return torch.tensor([self.updates, self.setting], dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` gave."""
        updates, self.setting = state.tolist()
        self.updates = int(updates)


@final
class GeometricMean(OldWeights):
    """γ-Progress: `θ_old ← γ θ_old + (1 - γ) θ_new` behind every gradient step.

    So with w the warm start, and θ_i the weights behind step i,
    `θ_old = γ^(k-w) θ_w + (1 - γ) Σ_{w < i ≤ k} γ^(k-i) θ_i` (arXiv 2007.07853). Floats
    among buffers are averaged too, other buffers are those of now.

    Args:
        online: the network to follow.
        gamma: γ, at least 0 and below 1; 0 are the weights of now.
        warm_start: see `OldWeights`.

    Raises:
        ValueError: another γ or warm start.
    """

    def __init__(self, online: nn.Module, gamma: float, warm_start: int = 100) -> None:
        if not 0.0 <= gamma < 1.0:
            raise ValueError(f"gamma must be at least 0 and below 1, not {gamma}")
        super().__init__(online, 1, warm_start, gamma)

    @property
    def network(self) -> nn.Module:
        """The mean."""
        return self.copies[0]

    @property
    def settled(self) -> dict[str, float]:
        """γ, and `1 / (1 - γ)`."""
        return {"γ": self.setting, "updates remembered": 1 / (1 - self.setting)}

    def _remember(self, online: nn.Module) -> None:
        _move(self.network, online, 1 - self.setting)


@final
class StepsAgo(OldWeights):
    """δ-Progress: the weights of δ gradient steps ago, or the warm start's if later.

    `θ_old = θ_{max(k-δ, w)}`, from a ring of δ+1 copies: one more than δ, since weights
    are seen behind a step only, when those before it are gone.

    Args:
        online: the network to follow.
        delta: δ, at least 1.
        warm_start: see `OldWeights`.

    Raises:
        ValueError: another δ or warm start.
    """

    def __init__(
        self, online: nn.Module, delta: int = 1, warm_start: int = 100
    ) -> None:
        if delta < 1:
            raise ValueError(f"delta must be at least 1, not {delta}")
        super().__init__(online, delta + 1, warm_start, float(delta))

    @property
    def network(self) -> nn.Module:
        """The oldest: of all places the next to be written."""
        return self.copies[(self.updates + 1) % len(self.copies)]

    @property
    def settled(self) -> dict[str, float]:
        """δ."""
        return {"δ": self.setting}

    def _remember(self, online: nn.Module) -> None:
        _move(self.copies[self.updates % len(self.copies)], online, 1.0)


def _move(old: nn.Module, online: nn.Module, share: float) -> None:
    """Move floats a share of the way; take over other numbers."""
    groups: defaultdict[torch.dtype, tuple[list[Tensor], list[Tensor]]]
    groups = defaultdict(lambda: ([], []))
    for mine, theirs in chain(
        zip(old.parameters(), online.parameters(), strict=True),
        zip(old.buffers(), online.buffers(), strict=True),
    ):
        # one dtype at a time: mixed, they would be moved one by one
        for group, x in zip(groups[mine.dtype], (mine, theirs), strict=True):
            group.append(x)
    for dtype, (mine_all, theirs_all) in groups.items():
        if share == 1.0 or not dtype.is_floating_point:
            torch._foreach_copy_(mine_all, theirs_all)
        else:
            torch._foreach_lerp_(mine_all, theirs_all, share)
