"""The tracker maze as a config."""

from dataclasses import dataclass, replace

import torch

from envs.native_env import NativeVectorEnv
from envs.overview import FromAboveConfig
from envs.tiles.trackers.layout import ROOMS, SIDE, lay_out
from envs.tiles.trackers.view import WIDTH
from envs.tiles.trackers.world import TrackerWorld


@dataclass(frozen=True)
class TrackerMazeConfig:
    """Rooms in a row with trackers that pay nothing: how far does curiosity go?"""

    movers: int = 0
    """Movers in each room that has any; 8 in our trial."""
    mover_rooms: tuple[int, ...] = (0, 1)
    """Rooms that have movers, 0 to 4."""
    shared: bool = True
    """All movers of a room take the same random step; else each its own."""
    on_the_way: bool = False
    """Trackers in front of the doors; else in the middle of their rooms."""
    layout: int = 0
    """Draws the floors, and where movers begin: the same in all envs and episodes."""
    pixels: int = 40
    """Rows and columns of a frame, a multiple of 5; 0 draws one black pixel."""
    max_episode_steps: int = 500
    """Steps until an episode is cut off."""
    staggered: bool = True
    """Cut first episodes at random times, so that not all envs begin anew at once."""

    def __post_init__(self) -> None:
        if not 0 <= self.movers <= SIDE * SIDE:
            raise ValueError(
                f"movers must be 0 to {SIDE * SIDE}, a cell each, not {self.movers}"
            )
        rooms = self.mover_rooms
        if len(set(rooms)) < len(rooms) or not set(rooms) <= set(range(ROOMS)):
            raise ValueError(
                f"mover_rooms must be different rooms of 0 to {ROOMS - 1}, not {rooms}"
            )
        if self.layout < 0:
            raise ValueError(f"layout must be 0 or more, not {self.layout}")
        if self.pixels < 0 or self.pixels % WIDTH or self.pixels == WIDTH:
            raise ValueError(
                f"pixels must be 0 or a multiple of {WIDTH} from {2 * WIDTH} on, not "
                f"{self.pixels}"
            )
        if self.max_episode_steps < 1:
            raise ValueError(
                f"max_episode_steps must be 1 or more, not {self.max_episode_steps}"
            )

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B worlds on a device."""
        layout = lay_out(self.layout, self.on_the_way, self.movers, self.mover_rooms)
        world = TrackerWorld(
            layout,
            self.shared,
            self.staggered,
            self.pixels,
            self.max_episode_steps,
            device,
        )
        return NativeVectorEnv(world, num_envs, device)

    def with_overview(self) -> FromAboveConfig:
        """See `OverlookedWorld`."""
        return FromAboveConfig(self)

    def with_facts(self) -> "TrackerMazeConfig":
        """The same world whose episodes are all whole, so that they can be counted."""
        return replace(self, staggered=False)
