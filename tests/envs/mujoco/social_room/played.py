"""Rooms that are played in, and what they tell in all of time."""

from functools import cache

import torch
from torch import Tensor

from envs.behaviours.groups import Animate
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.vector_env import Step

NUM, STEPS = 16, 120


def play(config: SocialRoomConfig, num: int, steps: int, seed: int = 0) -> list[Step]:
    """Rows under random turns."""
    chance = torch.Generator().manual_seed(seed)
    env = config.build(num, "cpu")
    actions = torch.randint(9, (steps, num), generator=chance)
    rows = [env.reset(seed=seed), *[env.step(x) for x in actions]]
    env.close()
    return rows


@cache
def played(animate: Animate, stochastic: bool = False) -> dict[str, Tensor]:
    """Facts `[STEPS + 1, NUM, …]`; shared, so nobody writes into them."""
    rows = play(SocialRoomConfig(animate, stochastic, pixels=0, poses=True), NUM, STEPS)
    return {name: stacked(rows, name) for name in rows[0].facts}


def stacked(rows: list[Step], name: str) -> Tensor:
    """A fact in all of time."""
    return torch.stack([row.facts[name] for row in rows])


def length(way: Tensor) -> Tensor:
    """Of `[..., 2]`."""
    lengths: Tensor = torch.linalg.vector_norm(way, dim=-1)
    return lengths
