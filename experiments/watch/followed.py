"""Worlds whose first env is looked at while an agent steps them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from envs.overview import with_whole
from envs.vector_env import EnvState, FactSpec, Step, VectorEnv, WorldConfig
from experiments.watch.screen import is_told


@dataclass(frozen=True)
class Followed:
    """A world as it is, with a picture of it all; its first env is noted down.

    Attributes:
        inner: the world.
        notes: of every row that was stepped to, in order: facts of the first env that
            people are told, on the host.
        facts: of those that were built; empty before.
    """

    inner: WorldConfig
    notes: list[dict[str, Tensor]] = field(default_factory=list)
    facts: dict[str, FactSpec] = field(default_factory=dict)

    def build(self, num_envs: int, device: torch.device | str) -> VectorEnv:
        """The worlds."""
        env = with_whole(self.inner).build(num_envs, device)
        told = {x: fact for x, fact in env.spec.facts.items() if is_told(x, fact)}
        self.facts.update(told)
        return _Noting(env, self.notes, told)


class _Noting(VectorEnv):
    """Passes everything on."""

    def __init__(
        self,
        inner: VectorEnv,
        notes: list[dict[str, Tensor]],
        told: Mapping[str, FactSpec],
    ) -> None:
        self._inner, self._notes, self.spec = inner, notes, inner.spec
        self._told = list(told)

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
