"""Worlds by name, one row each: `--world`.

A new world is one file and one row here; see docs/extend.md.
"""

from envs.atari.native import AtariConfig
from envs.attention.config import AttentionConfig
from envs.counting import CountingConfig
from envs.doom.config import MyWayHomeConfig
from envs.gym.env import GymnasiumConfig
from envs.mujoco.hard.carry.config import CarryConfig
from envs.mujoco.hard.push.config import PushButtonConfig
from envs.mujoco.hard.sequence.config import SequenceConfig
from envs.mujoco.rooms.config import RoomsConfig
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.tiles.trackers.config import TrackerMazeConfig
from envs.toys.chain import ChainConfig
from envs.toys.deep_sea import DeepSeaConfig
from envs.toys.moving_dot import MovingDotConfig
from envs.two_rooms.config import TwoRoomsConfig, fixed_two_rooms
from envs.vector_env import WorldConfig
from experiments.config.choices import Row, Table

WORLDS: Table[WorldConfig] = Table(
    "world",
    WorldConfig,
    {
        "atari": Row(AtariConfig),
        "pixel-maze": Row(PixelMazeConfig),
        "key-door": Row(KeyDoorConfig),
        "deep-sea": Row(DeepSeaConfig),
        "chain": Row(ChainConfig),
        "tracker-maze": Row(TrackerMazeConfig),
        "moving-dot": Row(MovingDotConfig),
        "two-rooms": Row(TwoRoomsConfig),
        "two-rooms-fixed": Row(fixed_two_rooms),
        "attention": Row(AttentionConfig),
        "social-room": Row(SocialRoomConfig),
        "rooms": Row(RoomsConfig),
        "push-button": Row(PushButtonConfig),
        "sequence": Row(SequenceConfig),
        "carry": Row(CarryConfig),
        "my-way-home": Row(MyWayHomeConfig),
        "gymnasium": Row(GymnasiumConfig),
        "counting": Row(CountingConfig),
    },
)
