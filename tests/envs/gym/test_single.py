"""One world as a Gymnasium env: other people's checkers, and the world's own rows."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

from envs.attention.config import AttentionConfig
from envs.counting import CountingConfig
from envs.gym.env import GymnasiumConfig
from envs.gym.single import SingleWorld
from envs.gym.spaces import action_space, observation_space
from envs.mujoco.counting import MujocoCountingConfig
from envs.noise.config import NoisyConfig
from envs.noise.tv import TvConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.tiles.trackers.config import TrackerMazeConfig
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import WorldConfig
from tests.envs.probe_world import ProbeConfig

WORLDS: tuple[WorldConfig, ...] = (
    KeyDoorConfig(),
    PixelMazeConfig(),
    TrackerMazeConfig(),
    MovingDotConfig(),
    AttentionConfig(),
    AttentionConfig(pixels=0),
    CountingConfig(),
    MujocoCountingConfig(),
    GymnasiumConfig("CartPole-v1", vector=True),
    NoisyConfig(KeyDoorConfig(), TvConfig()),
    ProbeConfig(),
)


@pytest.mark.parametrize("world", WORLDS, ids=lambda x: type(x).__name__)
@pytest.mark.filterwarnings("ignore:.*(Box observation space|image|bound|flat).*")
def test_sb3_finds_nothing_wrong(world: WorldConfig) -> None:
    sb3_check(SingleWorld(world), skip_render_check=False)


@pytest.mark.parametrize("world", WORLDS, ids=lambda x: type(x).__name__)
@pytest.mark.filterwarnings("ignore:.*(not within|Box observation space).*")
@pytest.mark.filterwarnings("ignore:.*(No render|no `spec`|metadata).*")
def test_gymnasium_finds_nothing_wrong(world: WorldConfig) -> None:
    gymnasium_check(SingleWorld(world), skip_render_check=True)


def test_it_is_the_world() -> None:
    single = SingleWorld(KeyDoorConfig(max_episode_steps=5))
    world = KeyDoorConfig(max_episode_steps=5).build(1, "cpu")
    seen, info = single.reset(seed=3)
    row = world.reset(3)
    for t in range(5):
        assert np.array_equal(seen, row.obs[0].numpy())
        assert info["x"] == row.facts["x"]
        seen, reward, terminated, truncated, info = single.step(t % 5)
        row = world.step(torch.tensor([t % 5]))
        assert (reward, terminated) == (row.reward.item(), False)
        assert truncated == (t == 4)
    assert single.render().shape == (40, 45, 3)
    with pytest.raises(RuntimeError, match="call reset"):
        single.step(0)


def test_spaces_of_a_vector_and_of_numbers() -> None:
    spec = ProbeConfig().build(2, "cpu").spec
    both = observation_space(spec)
    assert isinstance(both, gymnasium.spaces.Dict)
    assert list(both.spaces) == ["image", "vector"]
    acts = action_space(spec.actions)
    assert isinstance(acts, gymnasium.spaces.Box)
    assert (acts.low == -1).all()
    assert (acts.high == 1).all()
    blind = observation_space(AttentionConfig(pixels=0).build(2, "cpu").spec)
    assert isinstance(blind, gymnasium.spaces.Box)
    assert len(blind.shape) == 1
