"""Rooms as a config."""

from dataclasses import dataclass, replace

import torch

from envs.mujoco.renderers.backend import Backend
from envs.native_env import NativeVectorEnv

MOST_ROOMS, MOST_LOCKS, MOST_TABLES = 400, 6, 20_000
MOST_BOXES = 400  # with 1,600 MuJoCo's memory for contacts is too small


@dataclass(frozen=True)
class RoomsConfig:
    """Coloured rooms to walk through, seen from within: doors, keys, boxes, a goal."""

    rooms: tuple[int, int] = (4, 4)
    """Rows and columns of rooms: 1 1 to 400 in all."""
    locks: int = 2
    """Locked doors, each with a key of its colour somewhere before it (at most 6)."""
    loops: int = 2
    """Doorways beyond those that are needed to get everywhere (at most)."""
    boxes: int = 4
    """Boxes that stand about, and can be pushed."""
    tv: bool = False
    """A television hangs where episodes begin, and shows noise."""
    goal: bool = True
    """Something gives 1, and ends the episode; else nothing is ever paid."""
    layout_seed: int = 0
    """Draws the maze."""
    layouts: int = 1
    """How many mazes there are; each episode is in one of them."""
    continuous: bool = False
    """Actions are speed and turn, two numbers; else stay, ahead, left and right."""
    pixels: int = 40
    """Rows and columns of a frame; 0 draws nothing, a frame is then one black pixel."""
    depth: bool = False
    """A fact: metres along the optical axis of every pixel."""
    segmentation: bool = False
    """A fact: the geom that every pixel shows."""
    overview: bool = False
    """A fact: the maze from above, for people."""
    renderer: Backend = Backend.AUTO
    """What draws: see docs/renderers.md."""
    max_episode_steps: int = 1_000
    """Steps after which an episode is cut off."""

    def __post_init__(self) -> None:
        num = self.rooms[0] * self.rooms[1]
        if min(self.rooms) < 1 or num > MOST_ROOMS:
            raise ValueError(
                f"rooms must be 1 1 to {MOST_ROOMS} in all, not {self.rooms}"
            )
        if num == 1 and self.locks:
            raise ValueError(
                f"one room has no doors to lock: ask for 0 locks, not {self.locks}"
            )
        if not 0 <= self.locks <= min(MOST_LOCKS, num - 1):
            raise ValueError(
                f"{num} rooms can have 0 to {min(MOST_LOCKS, num - 1)} locks, not "
                f"{self.locks}"
            )
        most = min(4 * num, MOST_BOXES)
        if not 0 <= self.boxes <= most:
            raise ValueError(
                f"{num} rooms can have 0 to {most} boxes, not {self.boxes}"
            )
        if self.layouts < 1 or self.layouts * num > MOST_TABLES:
            raise ValueError(
                f"layouts must be 1 to {MOST_TABLES // num:,} of {num} rooms, not "
                f"{self.layouts:,}"
            )
        if self.loops < 0:
            raise ValueError(f"loops must be 0 or more, not {self.loops}")

    def with_overview(self) -> "RoomsConfig":
        """See `OverlookedWorld`."""
        return replace(self, overview=True)

    def build(self, num_envs: int, device: torch.device | str) -> NativeVectorEnv:
        """Build B worlds of rooms.

        Raises:
            ValueError: a number is out of its range.
        """
        # MuJoCo is loaded for who builds rooms, not for who asks for their flags.
        from envs.mujoco.drawn import Drawn
        from envs.mujoco.rooms.plan import draw_plan
        from envs.mujoco.rooms.stage import Rooms
        from envs.mujoco.walking.gaits import Glides, Steps

        seeds = range(self.layout_seed, self.layout_seed + self.layouts)
        plan = draw_plan(self.rooms, self.locks, self.loops, self.boxes, seeds, device)
        stage = Rooms(
            plan,
            Glides() if self.continuous else Steps(device),
            self.goal,
            self.tv,
            self.overview,
            self.max_episode_steps,
            device,
        )
        drawn = Drawn(self.pixels, self.depth, self.segmentation, backend=self.renderer)
        return NativeVectorEnv(drawn.world(stage, device), num_envs, device)
