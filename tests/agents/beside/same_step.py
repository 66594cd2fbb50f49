"""Worlds of ours stepped as SAME_STEP ones are, for tests."""

import torch
from torch import Tensor

from agents.beside.shown import Moved, Shown
from envs.vector_env import DiscreteActions, Step, VectorEnv


def shown(row: Step) -> Shown:
    return Shown(row.obs, row.vector)


class SameStep:
    """Random play that resets within the step."""

    def __init__(self, env: VectorEnv, seed: int = 0) -> None:
        self.env, self.generator = env, torch.Generator().manual_seed(seed)
        self.now = shown(env.reset(seed))

    def action(self) -> Tensor:
        space = self.env.spec.actions
        assert isinstance(space, DiscreteActions)
        size = (self.env.spec.num_envs,)
        return torch.randint(space.n, size, generator=self.generator)

    def step(self) -> Moved:
        action = self.action()
        row = self.env.step(action)
        ended = row.terminated | row.truncated
        now = self.env.reset(mask=ended) if ended.any() else row
        self.now = shown(now)
        flags = row.terminated, row.truncated
        return Moved(action, row.reward, *flags, shown(row), self.now)
