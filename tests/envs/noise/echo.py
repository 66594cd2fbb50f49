"""A world that tells what it was told to do, before a background that is known."""

from typing import NamedTuple

import torch
from torch import Tensor

from envs.native_env import NativeVectorEnv, NativeWorld, Outcome
from envs.vector_env import ActionSpace, DiscreteActions, FactSpec


class EchoState(NamedTuple):
    did: Tensor  # [B], or [B, A]
    time: Tensor  # [B]
    length: Tensor  # [B]


class Echo(NativeWorld[EchoState]):
    """Env i ends its episodes after 3 + i steps; frames are grey, vectors 0."""

    obs_shape = (2, 6, 8)
    vector_size = 5
    max_episode_steps = 1_000

    def __init__(
        self, grey: int = 100, actions: ActionSpace | None = None, limit: int = 0
    ) -> None:
        self.actions = actions or DiscreteActions(4, ("a", "b", "c", "d"))
        self._grey, self._limit = grey, limit

    @property
    def facts(self) -> dict[str, FactSpec]:
        if isinstance(self.actions, DiscreteActions):
            return {"did": FactSpec((), torch.int64)}
        return {"did": FactSpec((self.actions.size,), torch.float32)}

    def start(
        self, num_envs: int, generator: torch.Generator, previous: EchoState | None
    ) -> EchoState:
        time = torch.zeros(num_envs, dtype=torch.int64)
        length = 3 + torch.arange(num_envs) if not self._limit else time + self._limit
        if isinstance(self.actions, DiscreteActions):
            return EchoState(time - 1, time, length)
        return EchoState(torch.full((num_envs, self.actions.size), -9.0), time, length)

    def transition(
        self, state: EchoState, action: Tensor, generator: torch.Generator
    ) -> Outcome:
        time = state.time + 1
        after = EchoState(action, time, state.length)
        return Outcome(after, time.float(), time >= state.length)

    def render(self, state: EchoState) -> Tensor:
        shape = (len(state.time), *self.obs_shape)
        return torch.full(shape, self._grey, dtype=torch.uint8)

    def sense(self, state: EchoState) -> Tensor:
        return torch.zeros(len(state.time), self.vector_size)

    def describe(self, state: EchoState) -> dict[str, Tensor]:
        return {"did": state.did}


def echo(
    num_envs: int,
    grey: int = 100,
    actions: ActionSpace | None = None,
    limit: int = 0,
) -> NativeVectorEnv:
    """B such worlds; with a limit, all have episodes of that length."""
    return NativeVectorEnv(Echo(grey, actions, limit), num_envs)
