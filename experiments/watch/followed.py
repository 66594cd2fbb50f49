"""Worlds whose first env is looked at while an agent steps them."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from envs.vector_env import (
    EnvState,
    OverlookedWorld,
    Step,
    VectorEnv,
    WorldConfig,
)

OVERVIEW = "overview"


@dataclass(frozen=True)
class Followed:
    """A world as it is, with an overview if it has one; its first env is noted down.

    Attributes:
        inner: the world.
        notes: of every row that was stepped to, in order: facts of the first env that
            people are told, on the host.
    """

    inner: WorldConfig
    notes: list[dict[str, Tensor]] = field(default_factory=list)

    def build(self, num_envs: int, device: torch.device | str) -> VectorEnv:
        """The worlds."""
        inner = self.inner
        if isinstance(inner, OverlookedWorld):
            inner = inner.with_overview()
        return _Noting(inner.build(num_envs, device), self.notes)


class _Noting(VectorEnv):
    """Passes everything on."""

    def __init__(self, inner: VectorEnv, notes: list[dict[str, Tensor]]) -> None:
        self._inner, self._notes, self.spec = inner, notes, inner.spec
        self._told = [
            name for name, x in inner.spec.facts.items() if x.names or name == OVERVIEW
        ]

    def reset(
        self, seed: int | None = None, mask: Bool[Tensor, "B"] | None = None
    ) -> Step:
        return self._inner.reset(seed, mask)

    def step(self, action: Shaped[Tensor, "B ..."]) -> Step:
        row = self._inner.step(action)
        self._notes.append({x: row.facts[x][0].cpu() for x in self._told})
        return row

    def state_dict(self) -> EnvState | None:
        return self._inner.state_dict()

    def load_state_dict(self, state: EnvState) -> Step:
        return self._inner.load_state_dict(state)

    def close(self) -> None:
        self._inner.close()
