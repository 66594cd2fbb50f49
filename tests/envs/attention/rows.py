"""Rows of an env that is played in, and what they tell in all of time."""

import torch
from torch import Tensor

from envs.vector_env import Step, VectorEnv


def play(env: VectorEnv, steps: int, seed: int = 0) -> list[Step]:
    """Rows under random turns."""
    chance = torch.Generator().manual_seed(seed)
    num = env.spec.num_envs
    actions = torch.randint(9, (steps, num), generator=chance)
    return [env.reset(seed=seed), *[env.step(x) for x in actions]]


def stacked(rows: list[Step], name: str) -> Tensor:
    return torch.stack([row.facts[name] for row in rows])


def vectors(rows: list[Step]) -> Tensor:
    return torch.stack([row.vector for row in rows if row.vector is not None])
