"""A signal that keeps what it is shown."""

from typing import Any

import torch

from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from world_models.trajectory import Trajectory


class Heard(Curiosity):
    """Keeps what it is told."""

    needs_model = True

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Scored] = []

    def reward(self, scored: Scored) -> IntrinsicReward:
        self.told.append(scored)
        paid = scored.known.arrival().masked_fill(~scored.valid, 0.0)
        return IntrinsicReward(paid, paid)


class HeardConfig:
    def build(self, surroundings: Surroundings) -> Heard:
        return Heard()


def behind(parts: list[Trajectory]) -> Trajectory:
    """Trajectories of the same envs, one behind the other, as one."""
    steps = ("action", "reward", "terminated", "truncated")
    every: Any = {n: torch.cat([getattr(x, n) for x in parts]) for n in steps}
    for name in ("obs", "first", "vector"):
        if getattr(parts[0], name) is not None:
            rows = [getattr(x, name)[:-1] for x in parts]
            every[name] = torch.cat([*rows, getattr(parts[-1], name)[-1:]])
    return Trajectory(**every)
