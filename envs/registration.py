"""Our worlds by Gymnasium ids, for `gymnasium.make`.

`import envs` is enough, before or behind `import gymnasium`: it loads nothing, and ids
are there as soon as Gymnasium is.
"""

import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

IDS = {
    "curious/Atari-v0": "envs.atari.native:AtariConfig",
    "curious/Attention-v0": "envs.attention.config:AttentionConfig",
    "curious/Carry-v0": "envs.mujoco.hard.carry.config:CarryConfig",
    "curious/Chain-v0": "envs.toys.chain:ChainConfig",
    "curious/Counting-v0": "envs.counting:CountingConfig",
    "curious/DeepSea-v0": "envs.toys.deep_sea:DeepSeaConfig",
    "curious/KeyDoor-v0": "envs.tiles.key_door:KeyDoorConfig",
    "curious/MovingDot-v0": "envs.toys.moving_dot:MovingDotConfig",
    "curious/MyWayHome-v0": "envs.doom.config:MyWayHomeConfig",
    "curious/PixelMaze-v0": "envs.tiles.maze.pixel_maze:PixelMazeConfig",
    "curious/PushButton-v0": "envs.mujoco.hard.push.config:PushButtonConfig",
    "curious/Rooms-v0": "envs.mujoco.rooms.config:RoomsConfig",
    "curious/Sequence-v0": "envs.mujoco.hard.sequence.config:SequenceConfig",
    "curious/SocialRoom-v0": "envs.mujoco.social_room.config:SocialRoomConfig",
    "curious/TrackerMaze-v0": "envs.tiles.trackers.config:TrackerMazeConfig",
    "curious/TwoRooms-v0": "envs.two_rooms.config:TwoRoomsConfig",
    "curious/TwoRoomsFixed-v0": "envs.two_rooms.config:fixed_two_rooms",
}
"""what makes the config of each; its fields are arguments of `gymnasium.make`"""

_GYMNASIUM = "gymnasium"


def register() -> None:
    """Tell Gymnasium all ids that it does not know yet."""
    import gymnasium

    for name, config in IDS.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point="envs.gym.single:single_world",
                kwargs={"config": config},
            )


def register_when_loaded() -> None:
    """Do so now, or as soon as somebody imports Gymnasium."""
    if _GYMNASIUM in sys.modules:
        register()
    else:
        sys.meta_path.insert(0, _Awaited())


class _Awaited(MetaPathFinder, Loader):
    """Finds and loads Gymnasium as ever, and registers behind that; once."""

    def find_spec(
        self,
        fullname: str,
        path: object,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Of Gymnasium alone, what others find."""
        if fullname != _GYMNASIUM:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As ever."""
        assert self._loader is not None
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """As ever, with its own loader in its place again; then ids."""
        assert self._loader is not None
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        register()
