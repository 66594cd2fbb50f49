"""One seed gives every env a stream of its own, and another seed gives others."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from envs.atari.emulator import EmulatedAtari
from envs.atari.native import NativeAtari
from envs.atari.protocol import MACHADO
from envs.attention.config import AttentionConfig
from envs.behaviours.groups import Animate
from envs.doom.config import MyWayHomeConfig
from envs.gym.env import GymnasiumVectorEnv
from envs.mujoco.hard.carry.config import CarryConfig
from envs.mujoco.hard.push.config import PushButtonConfig
from envs.mujoco.hard.sequence.config import SequenceConfig
from envs.mujoco.rooms.config import RoomsConfig
from envs.mujoco.social_room.config import SocialRoomConfig
from envs.seeds import env_seeds
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.tiles.trackers.config import TrackerMazeConfig
from envs.toys.moving_dot import MovingDotConfig
from envs.toys.scene import NoiseConfig
from envs.vector_env import DiscreteActions, VectorEnv
from tests.envs.many_worlds import Carts
from tests.envs.probe_world import ProbeConfig

NUM = 3
RANDOM = replace(MACHADO, sticky=0.5)


class Dice(gymnasium.Env[Any, Any]):
    """Shows a number that is drawn at every step, whatever is done."""

    observation_space = Box(0, 255, (1, 2, 3), np.uint8)
    action_space = Discrete(2)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.roll(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.roll(), 0.0, False, False, {}

    def roll(self) -> Any:
        return self.np_random.integers(256, size=(1, 2, 3), dtype=np.uint8)


WORLDS: dict[str, Callable[[], VectorEnv]] = {
    "attention": lambda: AttentionConfig(Animate.MIMICRY).build(NUM, "cpu"),
    "carry": lambda: CarryConfig(pixels=8).build(NUM, "cpu"),
    "gymnasium": lambda: GymnasiumVectorEnv(SyncVectorEnv([Dice] * NUM)),
    "gymnasium processes": lambda: GymnasiumVectorEnv(AsyncVectorEnv([Dice] * NUM)),
    "atari": lambda: NativeAtari("Breakout", RANDOM, NUM, num_threads=1),
    "emulated atari": lambda: EmulatedAtari("Breakout", RANDOM, NUM),
    "key-door": lambda: KeyDoorConfig(varied_layouts=True).build(NUM, "cpu"),
    "moving-dot": lambda: MovingDotConfig(NoiseConfig(alpha=1.0)).build(NUM, "cpu"),
    "pixel-maze": lambda: PixelMazeConfig(slip=0.5).build(NUM, "cpu"),
    "probe": lambda: ProbeConfig().build(NUM, "cpu"),
    "push-button": lambda: PushButtonConfig(pixels=8).build(NUM, "cpu"),
    "rooms": lambda: RoomsConfig(pixels=8).build(NUM, "cpu"),
    "sequence": lambda: SequenceConfig(pixels=8).build(NUM, "cpu"),
    "social-room": lambda: SocialRoomConfig(pixels=8).build(NUM, "cpu"),
    "tracker-maze": lambda: TrackerMazeConfig(movers=3, shared=False).build(NUM, "cpu"),
    "implemented directly": lambda: Carts(NUM),
}
if find_spec("vizdoom") is not None:
    WORLDS["my-way-home"] = lambda: MyWayHomeConfig().build(NUM, "cpu")


def streams(env: VectorEnv, seed: int, steps: int = 40) -> list[bytes]:
    """All that each env shows while all of them do the same."""
    space = env.spec.actions
    rows = [env.reset(seed=seed)]
    for t in range(steps):
        # Each action thrice, and those that move something in Breakout.
        action = (
            torch.full((NUM,), (1, 3, 4)[t // 3 % 3] % space.n)
            if isinstance(space, DiscreteActions)
            else torch.full((NUM, space.size), (0.3, -0.6)[t % 2])
        )
        rows.append(env.step(action))
    shown = torch.stack([row.obs for row in rows], 1).numpy()
    return [x.tobytes() for x in shown]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("world", WORLDS)
def test_a_seed_gives_every_env_a_stream_of_its_own(world: str) -> None:
    env, twin = WORLDS[world](), WORLDS[world]()
    shown = streams(env, seed=0)
    assert len(set(shown)) == NUM, "two envs of one seed show the same"
    assert streams(twin, seed=0) == shown
    for seed in (1, 2):
        assert not set(streams(env, seed)) & set(shown), "another seed shows the same"
    assert streams(env, seed=0) == shown
    env.close()
    twin.close()


def test_seeds_of_emulators_are_all_different() -> None:
    drawn = [env_seeds(seed, 64).tolist() for seed in range(5)]
    assert len({x for seeds in drawn for x in seeds}) == 5 * 64
