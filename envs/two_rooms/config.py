"""Two-Rooms as a part that has a name."""

from dataclasses import dataclass, field

import torch

from envs.native_env import NativeVectorEnv
from envs.overview import FromAboveConfig
from envs.two_rooms.layouts import FixedWall, Layouts, RandomWalls
from envs.two_rooms.world import TwoRoomsWorld


@dataclass(frozen=True)
class TwoRoomsConfig:
    """A dot, a wall and a door: goals in the other room, to be planned for."""

    layouts: Layouts = field(default_factory=RandomWalls)
    """where wall and door are"""
    max_episode_steps: int = 100
    """steps until an episode is cut off; it shows one frame more"""

    def with_overview(self) -> FromAboveConfig:
        """See `OverlookedWorld`."""
        return FromAboveConfig(self)

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B of them."""
        world = TwoRoomsWorld(self.layouts, self.max_episode_steps)
        return NativeVectorEnv(world, num_envs, device)


def fixed_two_rooms() -> TwoRoomsConfig:
    """Two-Rooms whose wall and door are always in the same places."""
    return TwoRoomsConfig(FixedWall())
