"""Trajectories: T transitions of B envs, time-major."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from jaxtyping import Bool, Float32, Int64, Shaped, UInt8
from torch import Tensor


@dataclass(frozen=True)
class Trajectory:
    """T transitions `obs[t], action[t] -> reward[t], obs[t+1]` in B envs.

    Rows are numbered 0 … T; `first[t]` marks row t as the first of an episode. The
    transition into such a row joins two episodes and is not valid. `vector` is what the
    agent sees beside the pixels; None where the world shows pixels alone.
    """

    action: Int64[Tensor, "T B"] | Float32[Tensor, "T B A"]
    reward: Float32[Tensor, "T B"]
    terminated: Bool[Tensor, "T B"]
    truncated: Bool[Tensor, "T B"]
    obs: UInt8[Tensor, "T+1 B C H W"]
    first: Bool[Tensor, "T+1 B"]
    facts: Mapping[str, Shaped[Tensor, "T+1 B ..."]] = field(default_factory=dict)
    vector: Float32[Tensor, "T+1 B V"] | None = None

    @property
    def valid(self) -> Bool[Tensor, "T B"]:
        """True where the transition stays inside one episode."""
        return ~self.first[1:]

    @property
    def num_steps(self) -> int:
        """T, the number of transitions."""
        return self.reward.shape[0]

    def envs(self, index: Int64[Tensor, "b"]) -> "Trajectory":
        """The same steps of the envs in `index` (a copy)."""
        return self._map(lambda x: x[:, index])

    def steps(self, start: int, stop: int) -> "Trajectory":
        """Transitions `start … stop-1` and the rows around them (a view)."""
        last = slice(start, stop + 1)
        return Trajectory(
            action=self.action[start:stop],
            reward=self.reward[start:stop],
            terminated=self.terminated[start:stop],
            truncated=self.truncated[start:stop],
            obs=self.obs[last],
            first=self.first[last],
            facts={k: v[last] for k, v in self.facts.items()},
            vector=None if self.vector is None else self.vector[last],
        )

    def copy(self) -> "Trajectory":
        """The same data in memory of its own; a view keeps all of its origin alive."""
        return self._map(torch.clone)

    def to(self, device: torch.device | str) -> "Trajectory":
        """The same data on `device`."""
        return self._map(lambda x: x.to(device))

    def _map(self, f: Callable[[Tensor], Tensor]) -> "Trajectory":
        own = {x.name: getattr(self, x.name) for x in fields(self) if x.name != "facts"}
        tensors: dict[str, Any] = {
            k: None if x is None else f(x) for k, x in own.items()
        }
        return Trajectory(**tensors, facts={k: f(v) for k, v in self.facts.items()})
